"""From the ready line to exit 0: nothing that was asked stays unanswered, nothing is left behind."""
import json
import os
import signal
import socket
import threading
import time

from harness import SLOWNESS, Server, insecure_context, recorded, until

TLS = insecure_context()                            # making one costs 20 ms
REVIEW = json.dumps(recorded("ollama-inference")).encode()
REQUEST = (b"POST /mutate HTTP/1.1\r\nHost: webhook\r\nContent-Type: application/json\r\n"
           b"Content-Length: %d\r\n\r\n" % len(REVIEW)) + REVIEW


def tls(server):
    plain = socket.create_connection(("127.0.0.1", server.webhook_port), timeout=30 * SLOWNESS)
    return TLS.wrap_socket(plain)


def read_answer(connection):
    """One response, headers and body, as bytes."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(65536) or b"\r\n\r\n"
    head, _, body = data.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
    while len(body) < length:
        body += connection.recv(65536)
    return head, body


def descriptors(server):
    return len(os.listdir(f"/proc/{server.process.pid}/fd"))


def resident_kib(server):
    for line in open(f"/proc/{server.process.pid}/status"):
        if line.startswith("VmRSS"):
            return int(line.split()[1])


# ---- the end -----------------------------------------------------------------

def test_while_it_drains_the_port_is_open_and_answers_close_their_connection():
    with Server("--drain-seconds", "2") as server:
        assert server.get("/readyz").body == b"ok\n"
        kept = server.connect()
        assert "connection" not in server.post(REVIEW, connection=kept).headers
        started = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        until(lambda: server.get("/readyz").status == 503, "/readyz to say so")
        assert server.get("/readyz").body == b"draining\n" and server.get("/healthz").status == 200
        for connection in (kept, None):
            answer = server.post(REVIEW, connection=connection)
            assert answer.status == 200 and answer.headers["connection"] == "close"
        assert server.process.wait(10 * SLOWNESS) == 0
        assert 1.8 < time.monotonic() - started < 4 * SLOWNESS
        assert server.logged("draining")["seconds"] == 2 and server.logged("stopped")


def test_sigint_ends_it_too():
    server = Server()
    assert server.stop(signal.SIGINT) == 0


def test_a_body_that_is_coming_in_is_answered_before_the_end():
    with Server() as server:
        connection = tls(server)
        connection.sendall(REQUEST[:3000])
        until(lambda: server.metrics()["castslice_connections"] == 1, "the connection")
        time.sleep(0.1)                             # nothing shows that a header was read; this is ample
        server.process.send_signal(signal.SIGTERM)
        server.logged("draining")
        time.sleep(0.3)
        connection.sendall(REQUEST[3000:])
        head, body = read_answer(connection)
        assert b" 200 " in head and b"connection: close" in head.lower() and b'"allowed":true' in body
        assert server.process.wait(10 * SLOWNESS) == 0


def test_a_connection_that_has_just_been_made_is_served_before_the_end():
    with Server() as server:
        connection = tls(server)
        server.process.send_signal(signal.SIGTERM)
        server.logged("draining")
        connection.sendall(REQUEST)
        assert b" 200 " in read_answer(connection)[0]
        assert server.process.wait(10 * SLOWNESS) == 0


def test_idle_connections_do_not_delay_the_end():
    server = Server()
    kept = [server.connect() for _ in range(20)]
    for connection in kept:
        server.post(REVIEW, connection=connection)
    started = time.monotonic()
    assert server.stop() == 0
    assert time.monotonic() - started < 1.5 * SLOWNESS


def test_a_client_that_never_finishes_delays_the_end_five_seconds_at_most():
    server = Server()
    connection = tls(server)
    connection.sendall(REQUEST[:3000])
    time.sleep(0.2)
    started = time.monotonic()
    assert server.stop() == 0
    assert 4 < time.monotonic() - started < 7 * SLOWNESS
    connection.close()


def test_no_new_connections_after_the_drain():
    server = Server()
    connection = tls(server)
    connection.sendall(REQUEST[:3000])              # keeps it alive for a while
    time.sleep(0.2)
    server.process.send_signal(signal.SIGTERM)

    def refused():
        try:
            socket.create_connection(("127.0.0.1", server.webhook_port), timeout=1).close()
        except ConnectionRefusedError:
            return True
        return False

    until(refused, "the port to close")
    assert server.get("/readyz").status == 503, "the probes go on"
    connection.sendall(REQUEST[3000:])
    assert b" 200 " in read_answer(connection)[0]
    assert server.process.wait(10 * SLOWNESS) == 0


def test_a_second_signal_ends_it_at_once():
    server = Server("--drain-seconds", "60")
    server.process.send_signal(signal.SIGTERM)
    server.logged("draining")
    started = time.monotonic()
    assert server.stop() == 1
    assert time.monotonic() - started < 1 * SLOWNESS
    assert server.logged("ended at once")


def test_hangup_and_broken_pipes_do_not_end_it():
    with Server() as server:
        server.process.send_signal(signal.SIGHUP)
        server.process.send_signal(signal.SIGPIPE)
        server.logged("reload requested")
        assert server.post(REVIEW).status == 200


def test_no_call_fails_while_it_drains_under_load():
    server = Server("--drain-seconds", "1", "--threads", "2")
    failed, answered, over = [], [0], threading.Event()

    def client():
        connection = server.connect()
        while not over.is_set():
            try:
                answer = server.post(REVIEW, connection=connection)
            except OSError as trouble:
                failed.append(repr(trouble))
                return
            answered[0] += answer.status == 200
            if answer.headers.get("connection") == "close":
                connection.close()
                return                              # it would go to another replica now

    threads = [threading.Thread(target=client) for _ in range(8)]
    for thread in threads:
        thread.start()
    until(lambda: answered[0] > 100, "some load")
    assert server.stop() == 0
    over.set()
    for thread in threads:
        thread.join()
    assert not failed and answered[0] > 100


# ---- nothing is left behind --------------------------------------------------

def test_descriptors_come_back_after_load():
    with Server() as server:
        server.post(REVIEW)
        base = until(lambda: server.metrics()["castslice_connections"] == 0 and descriptors(server), "quiet")

        def client():
            for i in range(40):
                connection = tls(server)
                if i % 4:
                    connection.sendall(REQUEST[:len(REQUEST) if i % 4 > 1 else 1000])
                if i % 4 == 3:
                    read_answer(connection)
                connection.close()

        threads = [threading.Thread(target=client) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        until(lambda: descriptors(server) <= base + 1, "the descriptors to come back")   # one: our own scrape
        assert server.metrics()["castslice_reviews_in_flight"] == 0


def test_memory_is_flat_over_twenty_thousand_reviews():
    with Server("--threads", "2") as server:
        def load(reviews):
            connection = tls(server)
            for _ in range(reviews):
                connection.sendall(REQUEST)
                assert b" 200 " in read_answer(connection)[0]
            connection.close()

        def on_four_connections(reviews):
            threads = [threading.Thread(target=load, args=(reviews // 4,)) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()

        on_four_connections(4000)
        before = resident_kib(server)
        on_four_connections(int(20000 / SLOWNESS))
        after = resident_kib(server)
        print(f"resident: {before} KiB after 4,000 reviews, {after} KiB after 24,000")
        if SLOWNESS == 1:                           # sanitizers keep freed memory for a while
            assert after - before < 1024
        samples = server.metrics()
        assert samples["castslice_requests_total"] == samples["castslice_review_duration_seconds_count"] >= 4000


def test_a_hangup_does_not_prolong_the_drain():
    with Server("--drain-seconds", "2") as server:
        started = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        while server.process.poll() is None and time.monotonic() - started < 6 * SLOWNESS:
            server.process.send_signal(signal.SIGHUP)
            time.sleep(0.5)             # oftener than the drain is long
        assert server.process.poll() == 0, "still draining"
