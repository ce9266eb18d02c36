"""`castslice serve` as an operator meets it: flags, the ready line, the log, certificates, metrics."""
import datetime
import json
import os
import random
import re
import socket
import ssl
import string
import subprocess
import threading
import time

import pytest

from harness import CASTSLICE, SLOWNESS, Server, insecure_context, operations, recorded, review_of, run, until

REVIEW = recorded("ollama-inference")
POD = {"metadata": {"name": "pod", "annotations": {"castops.io/optimize": "true"}},
       "spec": {"containers": [{"name": "c", "resources": {"limits": {"nvidia.com/gpu": "1"}}}]}}


def pod_of_type(kind):
    return {**POD, "metadata": {"name": "pod", "annotations": {"castops.io/optimize": "true",
                                                               "castops.io/workload-type": kind}}}


def refusal(*flags, env=None, prefix=()):
    """Start it with what cannot work: (exit status, the sentence)."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("CASTSLICE_")}
    done = subprocess.run([*prefix, CASTSLICE, "serve", "--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0",
                           *map(str, flags)], capture_output=True, text=True, timeout=30 * SLOWNESS,
                          env={**environment, **(env or {})})
    lines = done.stderr.splitlines()
    try:
        return done.returncode, json.loads(lines[-1])["error"]
    except ValueError:
        return done.returncode, done.stderr


# ---- flags -------------------------------------------------------------------

def test_help_names_every_flag_with_its_variable_and_default():
    status, out, err = run("serve", "--help")
    assert status == 0 and not err
    for flag in ("listen", "metrics-listen", "certificate", "key", "policy", "threads", "log-level", "max-body",
                 "max-connections", "drain-seconds", "policy-cpu-ms", "policy-memory", "policy-fallback",
                 "reload-poll-seconds"):
        assert f"--{flag} " in out and "CASTSLICE_" + flag.upper().replace("-", "_") in out
    for word in ("Usage:", ":9443", ":8080", "Examples:", "Exit status:", "SIGTERM"):
        assert word in out


@pytest.mark.parametrize("flags,words", [
    (["--lisen", ":0"], ["--lisen", "--listen"]), (["--max-conections=3"], ["--max-connections"]),
    (["--listen"], ["--listen", "value"]), (["--threads", "0"], ["--threads", "1 to 64"]),
    (["--max-body", "lots"], ["--max-body", "lots"]), (["--log-level", "loud"], ["--log-level", "debug"]),
    (["--drain-seconds", "-1"], ["--drain-seconds"]), (["review.json"], ["review.json"]),
    (["--certificate", "x"], ["--certificate", "--key"]), (["--key", "x"], ["--certificate", "--key"]),
], ids=lambda value: value[0] if isinstance(value, list) else None)
def test_a_wrong_flag_is_exit_2_and_one_sentence(flags, words):
    status, out, err = run("serve", *flags)
    assert status == 2 and not out
    assert err.startswith("castslice serve: ") and err.count("\n") == 1
    for word in words:
        assert word in err


def test_a_wrong_variable_is_named():
    status, _, err = run("serve", env={"CASTSLICE_MAX_CONNECTIONS": "many"})
    assert status == 2 and "CASTSLICE_MAX_CONNECTIONS" in err and "many" in err


def test_a_flag_beats_its_variable_and_a_variable_the_default():
    with Server(env={"CASTSLICE_THREADS": "3"}) as server:
        assert server.logged("ready")["threads"] == 3
    with Server("--threads", "1", env={"CASTSLICE_THREADS": "3"}) as server:
        assert server.logged("ready")["threads"] == 1


def test_every_variable_is_heard(tmp_path):
    (tmp_path / "policy.lua").write_text("return function() error('mine') end\n")
    with Server(env={"CASTSLICE_POLICY": str(tmp_path), "CASTSLICE_LOG_LEVEL": "debug", "CASTSLICE_MAX_BODY": "16KiB",
                     "CASTSLICE_MAX_CONNECTIONS": "7", "CASTSLICE_POLICY_CPU_MS": "20",
                     "CASTSLICE_POLICY_MEMORY": "2MiB"}) as server:
        assert server.logged("ready")["policy"] == str(tmp_path)
        answer = server.post(review_of(POD))
        assert answer.status == 500 and "mine" in answer.json()["message"]
        assert server.post(b" " * 17000).status == 413
        assert server.logged("reviewed"), "debug lines"


# ---- addresses ---------------------------------------------------------------

def test_the_ready_line_says_where_it_listens():
    with Server() as server:
        ready = server.logged("ready")
        assert ready["webhook"] == f"https://127.0.0.1:{server.webhook_port}"
        assert ready["metrics"] == f"http://127.0.0.1:{server.metrics_port}"
        assert ready["policy"] and ready["version"] and server.webhook_port != server.metrics_port


@pytest.mark.parametrize("address,host", [(":0", "127.0.0.1"), ("[::1]:0", "::1"), ("0.0.0.0:0", "127.0.0.1"),
                                          ("localhost:0", "localhost")])
def test_addresses_as_people_write_them(address, host):
    with Server("--listen", address, "--metrics-listen", address) as server:
        context = insecure_context()
        plain = socket.create_connection((host, server.webhook_port), timeout=10)
        connection = context.wrap_socket(plain)
        connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert b" 404 " in connection.recv(1000)
        plain = socket.create_connection((host, server.metrics_port), timeout=10)
        plain.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
        assert b" 200 " in plain.recv(1000)


@pytest.mark.parametrize("address", ["9443", "localhost", ":", ":http", ":99999", "::1:9443", "[::1:9443"])
def test_what_is_no_address(address):
    status, sentence = refusal("--listen", address)
    assert status == 2 and "--listen" in sentence


def test_a_port_in_use_names_the_flag_and_the_address():
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        for flag in ("--listen", "--metrics-listen"):
            status, sentence = refusal(flag, address)
            assert status == 2 and flag in sentence and address in sentence and "in use" in sentence


def test_a_limit_on_descriptors_is_raised_or_explained():
    with Server("--max-connections", "100", prefix=("prlimit", "--nofile=64:4096")) as server:
        assert server.post(REVIEW).status == 200
        assert "4096" not in open(f"/proc/{server.process.pid}/limits").read().split("Max open files")[1].split()[0]
    status, sentence = refusal("--max-connections", "5000", prefix=("prlimit", "--nofile=1024:1024"))
    assert status == 2 and "--max-connections" in sentence and "1024" in sentence
    fits = int(sentence.split("at most ")[1].split()[0])
    with Server("--max-connections", str(fits), prefix=("prlimit", "--nofile=1024:1024")) as server:
        assert server.post(REVIEW).status == 200
    assert refusal("--max-connections", fits + 1, prefix=("prlimit", "--nofile=1024:1024"))[0] == 2


def test_a_policy_that_does_not_load_is_said_before_anything_listens(tmp_path):
    status, sentence = refusal("--policy", tmp_path / "nowhere")
    assert status == 2 and "nowhere" in sentence
    (tmp_path / "policy.lua").write_text("return function(pod)\n  retrun nil\nend\n")
    status, sentence = refusal("--policy", tmp_path)
    assert status == 2 and "policy.lua:2" in sentence


# ---- certificates ------------------------------------------------------------

def openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


def make_pair(folder, name, *more, subject="/CN=x", days="30", san="DNS:localhost,IP:127.0.0.1", key=("rsa:2048",)):
    chain, secret = folder / f"{name}.crt", folder / f"{name}.key"
    openssl("req", "-x509", "-newkey", *key, "-nodes", "-keyout", secret, "-out", chain, "-subj", subject,
            "-days", days, *(["-addext", f"subjectAltName={san}"] if san else []), *more)
    return chain, secret


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    return make_pair(tmp_path_factory.mktemp("pair"), "tls", key=("ec", "-pkeyopt", "ec_paramgen_curve:P-256"))


def test_the_certificate_of_the_files_is_shown(pair):
    chain, key = pair
    with Server("--certificate", chain, "--key", key) as server:
        context = ssl.create_default_context(cafile=chain)
        with context.wrap_socket(socket.create_connection(("127.0.0.1", server.webhook_port)),
                                 server_hostname="localhost") as connection:
            assert connection.version() == "TLSv1.3"
        assert not server.line("self-made certificate")
        assert server.logged("certificate")["file"] == str(chain)


def test_the_whole_chain_is_shown(tmp_path):
    root, root_key = make_pair(tmp_path, "root", subject="/CN=root", san=None)
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", tmp_path / "leaf.key", "-out", tmp_path / "leaf.csr",
            "-subj", "/CN=leaf", "-addext", "subjectAltName=DNS:localhost")
    openssl("x509", "-req", "-in", tmp_path / "leaf.csr", "-CA", root, "-CAkey", root_key, "-CAcreateserial",
            "-copy_extensions", "copyall", "-days", "30", "-out", tmp_path / "leaf.crt")
    chain = tmp_path / "chain.crt"
    chain.write_text("a comment\n" + (tmp_path / "leaf.crt").read_text() + root.read_text())
    with Server("--certificate", chain, "--key", tmp_path / "leaf.key") as server:
        shown = subprocess.run(["openssl", "s_client", "-showcerts", "-connect", f"127.0.0.1:{server.webhook_port}"],
                               input=b"", capture_output=True).stdout
        assert shown.count(b"BEGIN CERTIFICATE") == 2


def test_the_self_made_certificate_is_good_for_the_service_and_said_loudly():
    with Server() as server:
        line = server.logged("self-made certificate")
        assert line["level"] == "warn" and "--certificate" in line["detail"] and "trust" in line["detail"]
        pem = ssl.get_server_certificate(("127.0.0.1", server.webhook_port))
        text = subprocess.run(["openssl", "x509", "-noout", "-text"], input=pem.encode(), capture_output=True,
                              check=True).stdout.decode()
        for word in ("DNS:localhost", "DNS:cast-slice-webhook.cast-slice.svc,",
                     "DNS:cast-slice-webhook.cast-slice.svc.cluster.local", "IP Address:127.0.0.1",
                     "IP Address:0:0:0:0:0:0:0:1", "ecdsa-with-SHA256", "TLS Web Server Authentication"):
            assert word in text
        context = ssl.create_default_context(cadata=pem)
        with context.wrap_socket(socket.create_connection(("127.0.0.1", server.webhook_port)),
                                 server_hostname="cast-slice-webhook.cast-slice.svc"):
            pass


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_both_tls_versions_are_spoken(version):
    with Server() as server:
        context = insecure_context()
        context.minimum_version = context.maximum_version = version
        context.set_alpn_protocols(["http/1.1"])
        with context.wrap_socket(socket.create_connection(("127.0.0.1", server.webhook_port))) as connection:
            assert connection.version() == {772: "TLSv1.3", 771: "TLSv1.2"}[version]
            assert connection.selected_alpn_protocol() == "http/1.1"


def test_older_tls_is_refused():
    with Server() as server:
        for version in ("-tls1", "-tls1_1"):
            done = subprocess.run(["openssl", "s_client", version, "-cipher", "ALL:@SECLEVEL=0", "-connect",
                                   f"127.0.0.1:{server.webhook_port}"], input=b"", capture_output=True)
            assert done.returncode != 0


def bad_pairs(folder, chain, key):
    """(--certificate, --key, the words of the sentence)"""
    other = make_pair(folder, "other")
    nothing, text, folder_itself = folder / "nothing.crt", folder / "text.crt", folder
    text.write_text("hello\n")
    damaged = folder / "damaged.crt"
    damaged.write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    encrypted = folder / "encrypted.key"
    openssl("pkey", "-in", key, "-aes256", "-passout", "pass:secret", "-out", encrypted)
    huge = folder / "huge.crt"
    huge.write_bytes(b"x" * (1 << 20))
    expired = folder / "expired.crt"
    ended = (datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=3))
    openssl("req", "-new", "-key", other[1], "-subj", "/CN=x", "-out", folder / "x.csr")
    later = folder / "later.crt"
    authority = folder / "ca.cnf"
    authority.write_text(f"[ca]\ndefault_ca=d\n[d]\nnew_certs_dir={folder}\ndatabase={folder}/index\n"
                         f"serial={folder}/ser\ndefault_md=sha256\npolicy=p\n[p]\ncommonName=supplied\n")
    for out, start, end in ((expired, "20200101000000Z", ended.strftime("%Y%m%d000000Z")),
                            (later, "20990101000000Z", "20990201000000Z")):
        (folder / "index").write_text("")
        (folder / "ser").write_text("01")
        openssl("ca", "-batch", "-notext", "-selfsign", "-config", authority, "-keyfile", other[1], "-in",
                folder / "x.csr", "-out", out, "-startdate", start, "-enddate", end)
    no_san = make_pair(folder, "nosan", san=None)
    sha1 = make_pair(folder, "sha1", "-sha1")
    return [
        (nothing, key, ["nothing.crt", "no such file"]), (chain, nothing, ["nothing.crt", "no such file"]),
        (folder_itself, key, [str(folder), "folder"]), (text, key, ["text.crt", "BEGIN CERTIFICATE"]),
        (chain, text, ["text.crt", "BEGIN PRIVATE KEY"]), (damaged, key, ["damaged.crt", "damaged"]),
        (huge, key, ["huge.crt", "1 MiB"]), (chain, encrypted, ["encrypted.key", "encrypted", "openssl pkey"]),
        (chain, other[1], ["other.key", "not the key", str(chain)]),
        (expired, other[1], ["expired.crt", "expired on " + ended.strftime("%Y-%m-%d")]),
        (later, other[1], ["later.crt", "not valid before 2099-01-01"]),
        (no_san[0], no_san[1], ["nosan.crt", "subjectAltName"]), (sha1[0], sha1[1], ["sha1.crt", "SHA-1"]),
    ]


def test_what_is_wrong_with_a_certificate_is_said_in_one_sentence(pair, tmp_path):
    for certificate, key, words in bad_pairs(tmp_path, *pair):
        status, sentence = refusal("--certificate", certificate, "--key", key)
        assert status == 2, (certificate, sentence)
        for word in words:
            assert word in sentence, (certificate, sentence)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs another user to try as")
def test_a_key_that_may_not_be_read_is_said(pair, tmp_path):
    chain, key = tmp_path / "tls.crt", tmp_path / "tls.key"
    chain.write_bytes(pair[0].read_bytes())
    key.write_bytes(pair[1].read_bytes())
    key.chmod(0o600)
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_mode & 0o005 != 0o005:
            folder.chmod(folder.stat().st_mode | 0o055)
    program = tmp_path / "castslice"
    program.write_bytes(open(CASTSLICE, "rb").read())
    program.chmod(0o755)
    done = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", program, "serve",
                           "--certificate", chain, "--key", key], capture_output=True, text=True)
    assert done.returncode == 2 and "tls.key" in done.stderr and "permission" in done.stderr


# ---- the log -----------------------------------------------------------------

def test_every_line_is_an_object_and_bodies_stay_out():
    with Server("--log-level", "debug") as server:
        server.post(REVIEW)
        server.post(review_of(pod_of_type("gaming"), namespace="team-a"))
        server.post(b'{"secret": "in-a-body"')
        denied = server.logged("denied")
    for line in server.lines:
        fields = json.loads(line)
        assert {"time", "level", "msg"} <= fields.keys()
        datetime.datetime.strptime(fields["time"], "%Y-%m-%dT%H:%M:%S.%fZ")
        assert "in-a-body" not in line
    assert denied["level"] == "info" and denied["namespace"] == "team-a" and denied["name"] == "pod"
    assert "gaming" in denied["message"]
    reviewed = server.logged("reviewed")
    assert reviewed["outcome"] == "mutated" and reviewed["uid"] == REVIEW["request"]["uid"]


def test_the_level_is_kept():
    with Server("--log-level", "info") as server:
        server.post(REVIEW)
    assert not server.line("reviewed")


def test_a_policy_that_always_fails_does_not_flood_the_log(tmp_path):
    (tmp_path / "policy.lua").write_text("return function(pod)\n  error('not today')\nend\n")
    with Server("--policy", tmp_path) as server:
        connection = server.connect()
        for _ in range(200):
            answer = server.post(review_of(POD), connection=connection)
            assert answer.status == 500 and answer.json()["kind"] == "Status"
            assert "policy.lua:2" in answer.json()["message"] and "not today" in answer.json()["message"]
        assert server.metrics()['castslice_policy_failures_total{reason="error"}'] == 200
        line = server.logged("failed")
        assert line["level"] == "error" and "policy.lua:2" in line["error"] and line["name"] == "pod"
        assert len(server.lines) < 30


# ---- HTTP --------------------------------------------------------------------

@pytest.fixture(scope="module")
def server():
    with Server() as shared:
        yield shared


@pytest.mark.parametrize("method,path,headers,body,status,word", [
    ("GET", "/mutate", {}, None, 405, "POST"), ("PUT", "/mutate", {}, b"{}", 405, "POST"),
    ("HEAD", "/mutate", {}, None, 405, None), ("OPTIONS", "/mutate", {}, None, 405, "POST"),
    ("POST", "/", {}, b"{}", 404, "/mutate"), ("POST", "/mutate/", {}, b"{}", 404, "/mutate"),
    ("GET", "/metrics", {}, None, 404, "/mutate"), ("POST", "/mutate", {}, b"{}", 415, "application/json"),
    ("POST", "/mutate", {"Content-Type": "application/yaml"}, b"{}", 415, "application/json"),
    ("POST", "/mutate", {"Content-Type": "application/json-patch+json"}, b"{}", 415, "application/json"),
    ("POST", "/mutate", {"Content-Type": "application/json", "Content-Encoding": "gzip"}, b"{}", 415, "compressed"),
    ("POST", "/mutate", {"Content-Type": "application/json"}, b"", 400, "empty"),
    ("POST", "/mutate", {"Content-Type": "application/json"}, b"{", 400, None),
    ("POST", "/mutate", {"Content-Type": "application/json"}, b"{}", 400, "kind"),
])
def test_what_is_no_review(server, method, path, headers, body, status, word):
    before = server.metrics()
    answer = server.request(method, path, body, headers)
    assert answer.status == status and answer.headers["content-type"] == "application/json"
    if method != "HEAD":
        assert answer.json()["kind"] == "Status" and answer.json()["code"] == status
        assert word is None or word in answer.json()["message"]
    if status == 405:
        assert answer.headers["allow"] == "POST"
    after = server.metrics()
    counted = after["castslice_malformed_requests_total"] - before["castslice_malformed_requests_total"]
    assert counted == (status in (400, 413, 415))
    assert after["castslice_requests_total"] == before["castslice_requests_total"]


@pytest.mark.parametrize("kind", ["application/json", "application/json; charset=utf-8", "Application/JSON;q=1",
                                  "application/json ;charset=UTF-8"])
def test_content_types_that_are_json(server, kind):
    assert server.post(REVIEW, headers={"Content-Type": kind}).status == 200


def test_chunked_bodies_and_expect_continue(server, tmp_path):
    path = tmp_path / "review.json"
    path.write_text(json.dumps(REVIEW))
    for flags in (["--data-binary", f"@{path}", "-H", "Transfer-Encoding: chunked"],
                  ["--data-binary", f"@{path}", "-H", "Expect: 100-continue"],
                  ["--data-binary", f"@{path}", "-H", "Expect: 100-continue", "-H", "Transfer-Encoding: chunked"]):
        done = subprocess.run(["curl", "-sk", "-w", "\n%{http_code}", "-H", "Content-Type: application/json", *flags,
                               f"https://127.0.0.1:{server.webhook_port}/mutate"], capture_output=True)
        body, _, code = done.stdout.decode().rpartition("\n")
        assert code == "200" and json.loads(body)["response"]["uid"] == REVIEW["request"]["uid"]


def test_an_answer_has_a_length_and_keeps_the_connection(server):
    connection = server.connect()
    for _ in range(3):
        answer = server.post(REVIEW, connection=connection)
        assert answer.headers["content-length"] == str(len(answer.body))
        assert "connection" not in answer.headers and "content-encoding" not in answer.headers
        assert operations(answer.json()["response"])


def test_the_timeout_of_the_api_server_is_kept(tmp_path):
    (tmp_path / "policy.lua").write_text("return function(pod)\n  while true do end\nend\n")
    with Server("--policy", tmp_path, "--policy-cpu-ms", "400") as server:
        own = "the policy used more than its 400 ms of CPU time"
        theirs = r"the policy was not done in the (\d+) ms that were left of the API server's time-out"
        for timeout, words in (("100ms", theirs), ("0.2s", theirs), ("1m0.5s", own), ("10s", own), ("nonsense", own),
                               ("-1s", own), ("", own)):
            answer = server.post(review_of(POD), path=f"/mutate?timeout={timeout}")
            message = answer.json()["message"]
            found = re.fullmatch(rf".*policy\.lua:2: {words}", message)
            assert answer.status == 500 and found, (timeout, message)
            assert not found.groups() or int(found[1]) <= 180
        answer = server.post(review_of(POD), path="/mutate?timeout=1ns")
        assert answer.status == 500 and "1ns" in answer.json()["message"]
        samples = server.metrics()
        assert samples["castslice_requests_total"] == samples["castslice_errors_total"] == 8
        assert samples['castslice_policy_failures_total{reason="cpu"}'] == 5
        assert samples['castslice_policy_failures_total{reason="deadline"}'] == 2


# ---- metrics and probes ------------------------------------------------------

NAMES = {"castslice_requests_total", "castslice_mutations_total", "castslice_noop_total", "castslice_errors_total",
         "castslice_malformed_requests_total", "castslice_overload_responses_total", "castslice_reviews_in_flight",
         "castslice_connections", "castslice_policy_watchdog_total"}


def test_every_series_is_there_at_zero_from_the_start():
    with Server() as server:
        samples = server.metrics()
        for name in NAMES:
            assert samples[name] == 0
        for reason in ("error", "cpu", "deadline", "memory", "internal"):
            assert samples[f'castslice_policy_failures_total{{reason="{reason}"}}'] == 0
        assert samples['castslice_review_duration_seconds_bucket{le="+Inf"}'] == 0
        assert [value for name, value in samples.items() if name.startswith("castslice_build_info{version=")] == [1]


def test_promtool_has_nothing_to_say(server):
    answer = server.get("/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    done = subprocess.run(["promtool", "check", "metrics"], input=answer.body, capture_output=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_the_sum_holds_at_every_scrape_while_reviews_come_in():
    over, wrong = threading.Event(), []
    bodies = [json.dumps(body).encode() for body in (REVIEW, review_of({"metadata": {}, "spec": {}}),
                                                     review_of(pod_of_type("gaming")))] + [b"{"]

    with Server("--threads", "2") as server:
        def client(number):
            connection = server.connect()
            for i in range(300):
                server.post(bodies[(i + number) % 4], connection=connection)

        def scraper():
            while not over.is_set():
                s = server.metrics()
                if s["castslice_requests_total"] != (s["castslice_mutations_total"] + s["castslice_noop_total"]
                                                     + s["castslice_errors_total"]):
                    wrong.append(s)

        threads = [threading.Thread(target=client, args=(n,)) for n in range(8)]
        scrapers = [threading.Thread(target=scraper) for _ in range(2)]
        for thread in threads + scrapers:
            thread.start()
        for thread in threads:
            thread.join()
        over.set()
        for thread in scrapers:
            thread.join()
        assert not wrong
        samples = server.metrics()
        assert samples["castslice_requests_total"] == 8 * 225
        assert [samples[f"castslice_{name}_total"] for name in ("mutations", "noop", "errors", "malformed_requests")] \
            == [600, 600, 600, 600]
        assert samples["castslice_review_duration_seconds_count"] == 8 * 225


def test_random_pods_add_no_series():
    chance = random.Random(7)

    def word():
        return "".join(chance.choices(string.ascii_lowercase, k=8))

    with Server() as server:
        before = server.metrics().keys()
        connection = server.connect()
        for _ in range(2000):
            pod = {"metadata": {"name": word(), "namespace": word(),
                                "annotations": {"castops.io/optimize": chance.choice(["true", word()]),
                                                "castops.io/workload-type": chance.choice(["dev", word()])}},
                   "spec": {"containers": [{"name": word(), "image": word(),
                                            "resources": {"limits": {"nvidia.com/gpu": str(chance.randrange(9))}}}]}}
            server.post(review_of(pod, namespace=word(), userInfo={"username": word()}), connection=connection)
        assert server.metrics().keys() == before
        assert server.metrics()["castslice_requests_total"] == 2000


def test_the_pages_of_the_metrics_port(server):
    for path, body in (("/healthz", b"ok\n"), ("/readyz", b"ok\n")):
        answer = server.get(path)
        assert answer.status == 200 and answer.body == body
    missing = server.get("/")
    assert missing.status == 404 and b"/metrics" in missing.body and b"/readyz" in missing.body
    for method, status in (("HEAD", 200), ("POST", 405), ("DELETE", 405)):
        plain = socket.create_connection(("127.0.0.1", server.metrics_port))
        plain.sendall(f"{method} /metrics HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        answer = b""
        while piece := plain.recv(65536):
            answer += piece
        assert answer.startswith(b"HTTP/1.1 %d " % status)
        assert method != "HEAD" or answer.endswith(b"\r\n\r\n")
