"""Clients that mean harm, or know no better: they cost nobody else anything.

What waits for a deadline waits in threads of one test, or while the others run, so
the whole file takes no longer than its longest wait: 92 seconds.
"""
import json
import os
import random
import resource
import socket
import ssl
import struct
import subprocess
import threading
import time

import pytest

from harness import SLOWNESS, Server, insecure_context, recorded, until

TLS = insecure_context()                            # making one costs 20 ms
REVIEW = json.dumps(recorded("ollama-inference")).encode()
HEADER = b"POST /mutate?timeout=10s HTTP/1.1\r\nHost: webhook\r\nContent-Type: application/json\r\n"


def tcp(port, timeout=60):
    return socket.create_connection(("127.0.0.1", port), timeout=timeout * SLOWNESS)


def tls(port, timeout=60):
    return TLS.wrap_socket(tcp(port, timeout))


def post(body=REVIEW, more=b""):
    return HEADER + more + b"Content-Length: %d\r\n\r\n" % len(body) + body


def read_answer(connection):
    """One response: (status line, headers, body)."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65536)
        assert piece, f"closed after {data!r}"
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    headers = dict((k.lower(), v.strip()) for k, _, v in (line.partition(":") for line in lines[1:]))
    while len(body) < int(headers["content-length"]):
        body += connection.recv(65536)
    return lines[0], headers, body


def read_to_end(connection):
    data = b""
    try:
        while piece := connection.recv(65536):
            data += piece
    except (ConnectionError, ssl.SSLError):
        pass
    return data


def send(connection, data):
    """All of it, unless the server has answered and hung up before."""
    try:
        connection.sendall(data)
    except OSError:
        pass


def half_closed(connection):
    """Nothing more will come from us. The server may have hung up already."""
    try:
        connection.shutdown(socket.SHUT_WR)
    except OSError:
        pass
    return connection


def lived(connection, feed=None):
    """Seconds until the server ends the connection; `feed()` is sent every second."""
    started = time.monotonic()
    connection.settimeout(1.0)
    while time.monotonic() - started < 60 * SLOWNESS:
        try:
            if feed:
                connection.sendall(feed())
            if not connection.recv(65536):
                break
        except (TimeoutError, ssl.SSLWantReadError):
            continue
        except OSError:
            break
    return time.monotonic() - started


def cpu_seconds(server):
    fields = open(f"/proc/{server.process.pid}/stat").read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def gone(server):
    until(lambda: server.metrics()["castslice_connections"] == 0, "every connection closed")


def test_the_slow_are_cut_off_and_the_others_do_not_notice():
    with Server() as server:
        def silent():
            return lived(tcp(server.webhook_port))

        def silent_after_handshake():
            return lived(tls(server.webhook_port))

        def slow_header():
            connection = tls(server.webhook_port)
            letters = iter(HEADER * 10)
            return lived(connection, lambda: bytes([next(letters)]))

        def slow_second_header():
            connection = tls(server.webhook_port)
            connection.sendall(post())
            read_answer(connection)
            connection.sendall(b"POST /mutate HTTP/1.1\r\nX: ")
            return lived(connection, lambda: b"x")

        def slow_body():
            connection = tls(server.webhook_port)
            connection.sendall(HEADER + b"Content-Length: 1000\r\n\r\n")
            return lived(connection, lambda: b" ")

        def slow_metrics():
            return lived(tcp(server.metrics_port), lambda: b"G")

        ends = {silent: 10, silent_after_handshake: 10, slow_header: 10, slow_second_header: 10, slow_body: 20,
                slow_metrics: 10}
        took = {}
        threads = [threading.Thread(target=lambda f=f: took.__setitem__(f, f())) for f in ends]
        for thread in threads:
            thread.start()
        slowest = 0.0
        while any(thread.is_alive() for thread in threads):
            started = time.monotonic()
            assert server.post(REVIEW).status == 200
            slowest = max(slowest, time.monotonic() - started)
            time.sleep(0.1)
        assert slowest < 1.0 * SLOWNESS
        for client, seconds in ends.items():
            assert seconds - 1 < took[client] < seconds + 2.5 * SLOWNESS, f"{client.__name__}: {took[client]:.1f} s"
        assert len(server.lines) < 30, server.log()
        gone(server)


def test_a_reset_in_the_middle_of_a_body_leaves_nothing_behind():
    with Server() as server:
        for _ in range(50):
            plain = tcp(server.webhook_port)
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection = TLS.wrap_socket(plain)
            connection.sendall(post()[:2000])
            connection.close()
        assert server.post(REVIEW).status == 200
        gone(server)
        assert server.metrics()["castslice_malformed_requests_total"] == 0
        assert len(server.lines) < 20, server.log()


def test_plain_http_and_noise_on_the_tls_port():
    noise = random.Random(1)
    with Server() as server:
        for i in range(200):
            connection = tcp(server.webhook_port)
            connection.sendall(post() if i % 2 else bytes(noise.randrange(256) for _ in range(300)))
            read_to_end(half_closed(connection))
            connection.close()
        assert server.post(REVIEW).status == 200
        gone(server)
        assert len(server.lines) < 20, server.log()


@pytest.mark.parametrize("text", [
    b"\r\n\r\n\r\n\r\n", b"GET\r\n\r\n", b"POST /mutate\r\n\r\n", b"POST /mutate HTTP/9.9\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"POST /mutate HTTP/1.1\r\nno colon\r\n\r\n", b"\0" * 1000, b"A" * 100000,
    b"POST " + b"/" * 50000 + b" HTTP/1.1\r\n\r\n",
    HEADER + b"Content-Length: -1\r\n\r\n", HEADER + b"Content-Length: 1e3\r\n\r\n",
    HEADER + b"Content-Length: 99999999999999999999999\r\n\r\n", HEADER + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n",
    HEADER + b"Transfer-Encoding: gzip\r\n\r\n", HEADER + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n{}",
    HEADER + b"Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n",
], ids=lambda text: repr(text[-40:]))
def test_what_is_no_http(server, text):
    connection = tls(server.webhook_port)
    connection.settimeout(0.5)
    send(connection, text)
    try:
        answer = connection.recv(65536)
        assert not answer or answer.split()[1][:1] in b"45", answer
    except (TimeoutError, ConnectionError, ssl.SSLError):
        pass                                        # it waits for more, or has hung up: both are fine
    connection.close()
    assert server.post(REVIEW).status == 200


@pytest.fixture(scope="module")
def server():
    with Server() as shared:
        yield shared


def test_headers_without_end_are_refused(server):
    connection = tls(server.webhook_port)
    send(connection, HEADER + b"".join(b"X-%d: %s\r\n" % (i, b"y" * 1000) for i in range(300)))
    assert b" 431 " in read_to_end(connection).split(b"\r\n")[0]


def test_pipelined_requests_are_answered_in_order(server):
    reviews = [json.loads(REVIEW) for _ in range(5)]
    for i, review in enumerate(reviews):
        review["request"]["uid"] = f"uid-{i}"
    connection = tls(server.webhook_port)
    connection.sendall(b"".join(post(json.dumps(review).encode()) for review in reviews))
    data = b""
    while data.count(b'"allowed"') < 5:
        data += connection.recv(65536)
    places = [data.index(b'"uid":"uid-%d"' % i) for i in range(5)]
    assert places == sorted(places)


def test_http_1_0(server):
    connection = tls(server.webhook_port)
    connection.sendall(post().replace(b"HTTP/1.1", b"HTTP/1.0"))
    answer = read_to_end(connection)
    assert b" 200 " in answer.split(b"\r\n")[0] and b'"allowed":true' in answer
    connection = tls(server.webhook_port)
    for _ in range(2):
        connection.sendall(post(more=b"Connection: keep-alive\r\n").replace(b"HTTP/1.1", b"HTTP/1.0"))
        assert " 200 " in read_answer(connection)[0]


# ---- bodies larger than --max-body ------------------------------------------

FORTY_MEGABYTES = 40_000_000


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    path = tmp_path_factory.mktemp("large") / "body"
    path.write_bytes(b" " * FORTY_MEGABYTES)
    return path


@pytest.mark.parametrize("flags", [
    ["--data-binary", "@{}"], ["--data-binary", "@{}", "-H", "Expect:"],
    ["--data-binary", "@{}", "-H", "Expect:", "--http1.0"],
    ["--data-binary", "@{}", "-H", "Transfer-Encoding: chunked"],
    ["--data-binary", "@{}", "-H", "Transfer-Encoding: chunked", "-H", "Expect:"],
], ids=["expect", "no-expect", "http1.0", "chunked-expect", "chunked"])
def test_curl_reads_413_before_it_has_sent_everything(server, large, flags):
    before = server.metrics()["castslice_malformed_requests_total"]
    done = subprocess.run(["curl", "-sk", "-w", "\n%{http_code} %{size_upload}", "-H", "Content-Type: application/json",
                           *(flag.format(large) for flag in flags), f"https://127.0.0.1:{server.webhook_port}/mutate"],
                          capture_output=True, timeout=60 * SLOWNESS)
    assert done.returncode == 0, done.stderr
    body, _, numbers = done.stdout.decode().rpartition("\n")
    code, sent = numbers.split()
    assert code == "413" and int(sent) < FORTY_MEGABYTES / 2
    assert json.loads(body)["kind"] == "Status" and "--max-body" in json.loads(body)["message"]
    assert server.metrics()["castslice_malformed_requests_total"] == before + 1


def test_a_body_as_large_as_allowed_is_read():
    with Server("--max-body", "64KiB") as server:
        fits = json.dumps(json.loads(REVIEW)).encode().ljust(64 * 1024)
        assert server.post(fits).status == 200
        answer = server.post(fits + b" ")
        assert answer.status == 413 and answer.headers["connection"] == "close"


def test_a_client_that_never_stops_sending_is_left_after_two_seconds():
    with Server("--max-body", "1KiB", "--threads", "1") as server:
        connection = tls(server.webhook_port)
        connection.sendall(HEADER + b"Content-Length: 999999999\r\n\r\n")
        started = time.monotonic()
        try:
            while time.monotonic() - started < 30 * SLOWNESS:
                connection.sendall(b" " * 1000)
                time.sleep(0.01)
        except OSError:
            pass
        assert 1.5 < time.monotonic() - started < 4 * SLOWNESS
        assert server.post(REVIEW[:900]).status == 400


# ---- too many connections ----------------------------------------------------

def test_above_the_limit_a_request_is_told_to_come_back():
    with Server("--max-connections", "2") as server:
        kept = [server.connect(), server.connect()]
        for connection in kept:
            assert server.post(REVIEW, connection=connection).status == 200
        answer = server.post(REVIEW)
        assert answer.status == 503
        assert answer.headers["retry-after"] == "1" and answer.headers["connection"] == "close"
        assert answer.json()["code"] == 503 and "--max-connections" in answer.json()["message"]
        assert server.post(REVIEW, connection=kept[0]).status == 200, "those within the limit keep their place"
        samples = server.metrics()
        assert samples["castslice_overload_responses_total"] == 1
        assert samples["castslice_requests_total"] == 3 and samples["castslice_malformed_requests_total"] == 0
        kept[1].close()
        until(lambda: server.post(REVIEW).status == 200, "room again")
        assert server.post(REVIEW, connection=kept[0]).status == 200


def test_a_crowd_of_the_silent_does_not_push_out_those_who_work():
    with Server("--max-connections", "4") as server:
        kept = [server.connect(), server.connect()]
        for connection in kept:
            server.post(REVIEW, connection=connection)
        crowd = [tcp(server.webhook_port) for _ in range(60)]
        until(lambda: server.post(REVIEW).status == 200, "an answer in spite of the crowd", 5)
        for connection in kept:
            assert server.post(REVIEW, connection=connection).status == 200
        for connection in crowd:
            connection.close()


def test_four_thousand_connections_against_a_limit_of_1024():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(8192, hard), hard))
    crowd = []
    try:
        with Server() as server:
            spent = cpu_seconds(server)
            for _ in range(4000):
                crowd.append(tcp(server.webhook_port))
            started = time.monotonic()
            codes = []
            while time.monotonic() - started < 3:
                asked = time.monotonic()
                codes.append(server.post(REVIEW).status)
                assert time.monotonic() - asked < 2 * SLOWNESS, "an answer or a 503, but soon"
                assert server.get("/readyz").status == 200
                time.sleep(0.05)
            assert set(codes) <= {200, 503} and codes[-1] == 200, codes
            assert cpu_seconds(server) - spent < 2 * SLOWNESS, "nothing spins"
            for connection in crowd:
                connection.close()
            gone(server)
            assert len(server.lines) < 40, server.log()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_flood_on_the_metrics_port_leaves_the_probes_and_the_webhook_alone(server):
    crowd = [tcp(server.metrics_port) for _ in range(600)]
    for _ in range(5):
        asked = time.monotonic()
        assert server.get("/readyz").status == 200
        assert server.post(REVIEW).status == 200
        assert time.monotonic() - asked < 1 * SLOWNESS
    for connection in crowd:
        connection.close()


# ---- all at once -------------------------------------------------------------

def test_sixty_four_clients_good_and_bad(server):
    before = server.metrics()
    wrong = []

    def client(number):
        try:
            connection = server.connect()
            for i in range(20):
                if number % 4 == 3:
                    status, want = server.post(REVIEW[:-i - 1], connection=connection).status, 400
                else:
                    status, want = server.post(REVIEW, connection=connection).status, 200
                if status != want:
                    wrong.append((number, i, status))
            connection.close()
        except Exception as trouble:                # noqa: BLE001  a thread's own would be lost
            wrong.append((number, trouble))

    threads = [threading.Thread(target=client, args=(n,)) for n in range(64)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    after = server.metrics()
    assert after["castslice_requests_total"] - before["castslice_requests_total"] == 48 * 20
    assert after["castslice_malformed_requests_total"] - before["castslice_malformed_requests_total"] == 16 * 20


# ---- memory ------------------------------------------------------------------

def resident_mib(server):
    return next(int(line.split()[1]) / 1024 for line in open(f"/proc/{server.process.pid}/status") if "VmRSS" in line)


def test_many_large_bodies_at_once_hold_a_bounded_amount_of_memory():
    with Server("--max-body", "4MiB") as server:
        crowd = [tls(server.webhook_port) for _ in range(40)]
        for connection in crowd:
            send(connection, HEADER + b"Content-Length: %d\r\n\r\n" % (4 << 20) + b" " * (4_000_000))
        until(lambda: server.metrics()["castslice_overload_responses_total"] >= 30, "most to be told to come back")
        if SLOWNESS == 1:
            assert resident_mib(server) < 128, "eight bodies of the largest size, each in a buffer that doubles"
        assert server.post(REVIEW).status == 200, "a body of the usual size gets through"
        for connection in crowd:
            connection.close()
        gone(server)
        assert server.post(REVIEW[:-1].ljust(4_000_000) + b"}").status == 200, "and there is room for large ones again"
