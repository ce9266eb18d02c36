"""The contract between an API server and a webhook, line by line, against the running server over TLS.

W: the request we receive. R: the response we send. P: JSON Patch as the API server's library
applies it. V: what the patched Pod must satisfy. The number in a test's name is the line's; a
line about the API server's side is held as what our operations must obey.
"""
import base64
import copy
import json
import re
import signal
import socket
import ssl
import subprocess
import threading
import time

import jsonpatch
import pytest

from harness import (REVIEWS, SLOWNESS, Answer, Server, insecure_context, operations, recorded, review_of, until)

GPU, SHARED = "nvidia.com/gpu", "nvidia.com/gpu-shared"
OPTIMIZE, RATIO, TYPE = "castops.io/optimize", "castops.io/slice-ratio", "castops.io/workload-type"
SERVICE = "cast-slice-webhook.cast-slice.svc"
IDLE_SECONDS = 95
RECORDED = sorted(path.stem for path in REVIEWS.glob("*.json"))


# ---- Pods -----------------------------------------------------------------------------------------


def gpu(quantity="1", **more):
    """Resources as the API server sends them: limits copied into requests."""
    return {"limits": {GPU: quantity, **more}, "requests": {GPU: quantity, **more}}


def container(resources=None, name="main", **fields):
    return {"name": name, "image": "app", **({} if resources is None else {"resources": resources}), **fields}


def pod(*containers, init=None, annotations=None, spec=None, **metadata):
    notes = {OPTIMIZE: "true", **(annotations or {})}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "annotations": notes, **metadata},
            "spec": {"containers": list(containers or [container(gpu())]),
                     **({"initContainers": init} if init else {}), **(spec or {})}}


def containers_of(a_pod):
    return a_pod["spec"]["containers"] + a_pod["spec"].get("initContainers", [])


# ---- the patch, applied as the API server does -----------------------------------------------------


def tokens(path):
    assert path.startswith("/"), f"P8, P9: a path starts with '/' and is never the whole document: {path!r}"
    assert not re.search("~(?![01])", path), f"P1: a bare '~' in {path!r}"
    return [token.replace("~1", "/").replace("~0", "~") for token in path[1:].split("/")]


def step(node, token):
    if isinstance(node, list):
        assert re.fullmatch("0|[1-9][0-9]*", token), f"P7: not an index we may send: {token!r}"
        assert int(token) < len(node), f"P7: index {token} of {len(node)}"
        return node[int(token)]
    assert isinstance(node, dict) and token in node, f"P2: no parent at {token!r}"
    return node[token]


def apply_one(document, operation):
    """As strict as evanphx/json-patch v4 and a little more: nothing that only happens to work."""
    *parents, key = tokens(operation["path"])
    node = document
    for token in parents:
        node = step(node, token)
    assert isinstance(node, dict), f"P7: we never add to or remove from an array: {operation}"
    if operation["op"] == "remove":
        assert set(operation) == {"op", "path"}
        assert key in node, f"P2: remove of what is not there: {operation}"
        del node[key]
    else:
        assert operation["op"] == "add", f"P4 to P6: only remove and add: {operation}"
        assert set(operation) == {"op", "path", "value"}
        value = operation["value"]
        assert value == {} or isinstance(value, str), f"P2: a parent is added empty, a value is a string: {operation}"
        assert value != {} or node.get(key) is None, f"P3: an existing parent would be wiped: {operation}"
        node[key] = copy.deepcopy(value)


def apply_strictly(document, patch):
    result = copy.deepcopy(document)
    for operation in patch:
        apply_one(result, operation)
    return result


def apply_by_library(document, patch):
    return jsonpatch.apply_patch(document, copy.deepcopy(patch))       # it fills the operations' own values


def totals(a_pod):
    return sum(len(k.encode()) + len(v.encode()) for k, v in (a_pod["metadata"].get("annotations") or {}).items())


def check_resources(resources):
    """V1, V2: the target is in limits and requests, equal and a whole number above zero; the source is gone."""
    limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
    assert GPU not in limits and GPU not in requests
    assert limits[SHARED] == requests[SHARED]
    assert re.fullmatch("[1-9][0-9]*", limits[SHARED])


def check_patched(before, after):
    """V: only resources and metadata changed, and what changed is what a kubelet can run."""
    blank = copy.deepcopy([before, after])
    for each in blank:
        each["metadata"].pop("annotations", None), each["metadata"].pop("labels", None)
        for c in containers_of(each):
            c.pop("resources", None)
    assert blank[0] == blank[1]
    for old, new in zip(containers_of(before), containers_of(after)):
        if old != new:
            check_resources(new["resources"])
    assert totals(after) <= max(256 * 1024, totals(before))


def mutate(server, a_pod, **request):
    """Review a Pod: (operations, patched Pod), with everything checked that holds for every answer."""
    response = server.review(review_of(a_pod, **request))
    assert response["allowed"] is True, response
    patch = operations(response)
    after = apply_strictly(a_pod, patch)
    assert after == apply_by_library(a_pod, patch)
    check_patched(a_pod, after)
    if patch:
        assert operations(server.review(review_of(after, **request))) == [], "R14: a second pass changes nothing"
    return patch, after


def slices(a_pod):
    return {c["name"]: c["resources"]["limits"][SHARED] for c in containers_of(a_pod)
            if SHARED in ((c.get("resources") or {}).get("limits") or {})}


# ---- servers and raw connections -------------------------------------------------------------------


class Idle:
    """A connection that was used once and then left alone, beside everything else in this file."""

    def __init__(self, server):
        self.connection = server.connect(timeout=60)
        assert server.post(recorded("ollama-inference"), connection=self.connection).status == 200
        self.since = time.monotonic()


@pytest.fixture(scope="module")
def server():
    with Server("--threads", "2") as running:
        yield running


@pytest.fixture(scope="module", autouse=True)
def idle(server):
    return Idle(server)


@pytest.fixture
def policy(tmp_path):
    """`policy(text)` starts a server whose policy.lua is `text`; it is stopped with the test."""
    started = []

    def start(text, *flags):
        (tmp_path / "policy.lua").write_text(text)
        started.append(Server("--policy", str(tmp_path), *flags))
        return started[-1]

    yield start
    for each in started:
        assert each.stop() == 0, each.log()


class Raw:
    """A TLS connection on which a test writes its own bytes."""

    def __init__(self, server, context=None, name="localhost"):
        plain = socket.create_connection(("127.0.0.1", server.webhook_port), timeout=20 * SLOWNESS)
        self.tls = (context or insecure_context()).wrap_socket(plain, server_hostname=name)
        self.file = self.tls.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()
        self.tls.close()

    def send(self, *parts):
        self.tls.sendall(b"".join(p if isinstance(p, bytes) else p.encode() for p in parts))

    def head(self):
        """(status line, headers) of the next response."""
        status = self.file.readline().decode().strip()
        headers = {}
        for line in iter(lambda: self.file.readline().decode().strip(), ""):
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        return status, headers

    def answer(self):
        """(status, headers, body) of the next response."""
        status, headers = self.head()
        return int(status.split()[1]), headers, self.file.read(int(headers["content-length"]))


def request_head(length=None, *more, method="POST", path="/mutate?timeout=10s"):
    """The header of a request as kube-apiserver writes it (W1)."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: {SERVICE}:443", "User-Agent: kube-apiserver-admission",
             *([] if length is None else [f"Content-Length: {length}"]), "Accept: application/json, */*",
             "Content-Type: application/json", "Accept-Encoding: gzip", *more]
    return "\r\n".join(lines) + "\r\n\r\n"


def chunked(body, size):
    pieces = [body[i:i + size] for i in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in pieces) + b"0\r\n\r\n"


def body_of(review):
    return json.dumps(review).encode()


def check_status(answer, code):
    """R10: what is no AdmissionReview is a metav1.Status that says why."""
    assert answer.status == code, answer.body
    assert answer.headers["content-type"] == "application/json"
    status = answer.json()
    assert status["kind"] == "Status" and status["apiVersion"] == "v1" and status["status"] == "Failure"
    assert status["code"] == code and len(status["message"]) > 10
    return status


def check_alive(server):
    assert slices(mutate(server, pod(annotations={RATIO: "3"}))[1]) == {"main": "3"}


# ---- W: the request we receive ---------------------------------------------------------------------


def test_W1_a_request_as_the_api_server_writes_it(server):
    body = (REVIEWS / "ollama-inference.json").read_bytes()
    with Raw(server, name=SERVICE) as raw:
        raw.send(request_head(len(body)), body)
        status, headers, answer = raw.answer()
    assert status == 200
    assert json.loads(answer)["response"]["uid"] == json.loads(body)["request"]["uid"]


def test_W1_header_and_body_may_come_in_pieces(server):
    body = body_of(review_of(pod()))
    head = request_head(len(body)).encode()
    with Raw(server) as raw:
        for piece in (head[:10], head[10:60], head[60:], body[:1], body[1:200], body[200:]):
            raw.send(piece)
        assert raw.answer()[0] == 200


@pytest.mark.parametrize("offered", [["http/1.1"], ["h2", "http/1.1"], ["http/1.1", "h2"], []])
def test_W2_alpn_never_ends_in_anything_but_http_1_1(server, offered):
    context = insecure_context()
    if offered:
        context.set_alpn_protocols(offered)
    body = body_of(review_of(pod()))
    with Raw(server, context, SERVICE) as raw:
        assert raw.tls.selected_alpn_protocol() in ("http/1.1", None)
        raw.send(request_head(len(body)), body)
        assert raw.answer()[0] == 200


@pytest.mark.parametrize("version, name", [(ssl.TLSVersion.TLSv1_2, "TLSv1.2"), (ssl.TLSVersion.TLSv1_3, "TLSv1.3")])
def test_W2_tls_1_2_and_1_3_are_spoken(server, version, name):
    context = insecure_context()
    context.minimum_version = context.maximum_version = version
    body = body_of(review_of(pod()))
    with Raw(server, context, SERVICE) as raw:
        assert raw.tls.version() == name
        raw.send(request_head(len(body)), body)
        assert raw.answer()[0] == 200


def test_W2_tls_1_3_is_used_when_both_can(server):
    with Raw(server) as raw:
        assert raw.tls.version() == "TLSv1.3"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_W2_tls_below_1_2_is_refused(server, version):
    context = insecure_context()
    context.set_ciphers("ALL:@SECLEVEL=0")                     # or this client would not even offer it
    context.minimum_version = context.maximum_version = version
    with pytest.raises((ssl.SSLError, ConnectionError)) as refused:
        Raw(server, context)
    assert "NO_PROTOCOLS_AVAILABLE" not in str(refused.value)  # that would be this client's own refusal
    check_alive(server)


@pytest.mark.parametrize("name", [SERVICE, "localhost", "unknown.example"])
def test_W2_any_server_name_is_served(server, name):
    with Raw(server, name=name) as raw:
        raw.send(request_head(0, method="GET"))
        assert raw.answer()[0] == 405


@pytest.mark.parametrize("size", [1, 7, 1000, 1 << 20])
def test_W3_a_chunked_body_is_read(server, size):
    body = body_of(review_of(pod()))
    with Raw(server) as raw:
        for _ in range(2):                                     # and the connection stays in step
            raw.send(request_head(None, "Transfer-Encoding: chunked"), chunked(body, size))
            status, _, answer = raw.answer()
            assert status == 200 and json.loads(answer)["response"]["allowed"] is True


def test_W3_a_client_that_waits_for_100_continue_gets_it(server):
    body = body_of(review_of(pod()))
    with Raw(server) as raw:
        raw.send(request_head(len(body), "Expect: 100-continue"))
        assert raw.head()[0].startswith("HTTP/1.1 100")
        raw.send(body)
        assert raw.answer()[0] == 200


def test_W3_a_body_nobody_wants_is_refused_before_it_is_sent(server):
    with Raw(server) as raw:
        raw.send(request_head(1 << 30, "Expect: 100-continue"))
        assert raw.answer()[0] == 413


def pem_of(server):
    return ssl.get_server_certificate(("127.0.0.1", server.webhook_port), timeout=20 * SLOWNESS)


def trusting(pem):
    context = ssl.create_default_context(cadata=pem)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


@pytest.mark.parametrize("name", [SERVICE, "localhost"])
def test_W4_the_self_made_certificate_names_the_service(server, name):
    with Raw(server, trusting(pem_of(server)), name) as raw:   # checks the SAN; the common name does not count
        assert ("DNS", name) in raw.tls.getpeercert()["subjectAltName"]


def test_W4_another_name_is_not_in_it(server):
    with pytest.raises(ssl.SSLCertVerificationError):
        Raw(server, trusting(pem_of(server)), "elsewhere.cast-slice.svc")


def test_W4_it_is_not_signed_with_sha1(server):
    text = subprocess.run(["openssl", "x509", "-noout", "-text"], input=pem_of(server), text=True,
                          capture_output=True, check=True).stdout
    assert re.search(r"Signature Algorithm: (ecdsa-with-SHA(256|384|512)|sha(256|384|512)With|ED25519)", text)


def openssl(folder, *arguments):
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


def issue(folder, name, issuer, extensions):
    """A key and a certificate `name`.pem, signed by `issuer` (itself for a root)."""
    (folder / f"{name}.ext").write_text("\n".join(extensions))
    openssl(folder, "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
    signer = ["-signkey", f"{name}.key"] if issuer == name else ["-CA", f"{issuer}.pem", "-CAkey", f"{issuer}.key",
                                                                "-CAcreateserial"]
    openssl(folder, "x509", "-req", "-in", f"{name}.csr", "-days", "2", "-sha256", "-extfile", f"{name}.ext",
            "-out", f"{name}.pem", *signer)


def test_W4_the_whole_chain_is_served(tmp_path):
    authority = ["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign"]
    issue(tmp_path, "root", "root", authority)
    issue(tmp_path, "middle", "root", authority)
    issue(tmp_path, "leaf", "middle", [f"subjectAltName=DNS:{SERVICE}"])
    chain = tmp_path / "chain.pem"
    chain.write_text((tmp_path / "leaf.pem").read_text() + (tmp_path / "middle.pem").read_text())
    with Server("--certificate", str(chain), "--key", str(tmp_path / "leaf.key")) as running:
        body = body_of(review_of(pod()))
        with Raw(running, trusting((tmp_path / "root.pem").read_text()), SERVICE) as raw:   # knows the root only
            raw.send(request_head(len(body)), body)
            assert raw.answer()[0] == 200


SPIN = "return function() while true do end end"


def test_W5_the_timeout_of_the_caller_bounds_the_policy(policy):
    running = policy(SPIN, "--policy-cpu-ms", "20000")
    start = time.monotonic()
    answer = running.post(review_of(pod()), path="/mutate?timeout=1s")
    assert time.monotonic() - start < 5 * SLOWNESS, "a second of the caller's, not twenty of ours"
    assert "policy.lua" in check_status(answer, 500)["message"]


@pytest.mark.parametrize("query", ["", "?", "?timeout=", "?timeout=abc", "?timeout=10", "?timeout=-5s", "?timeout=0s",
                                   "?timeout=1e9s", "?timeout=99999999999999999999s", "?other=1", "?timeout=.s",
                                   "?timeout=30s", "?timeout=1m30s", "?timeout=2s&timeout=x", "?timeout=%31%30s"])
def test_W5_any_other_timeout_leaves_our_own(server, query):
    assert server.post(review_of(pod()), path="/mutate" + query).status == 200


def test_W5_our_own_budget_holds_when_the_caller_is_patient(policy):
    running = policy(SPIN, "--policy-cpu-ms", "20")
    start = time.monotonic()
    check_status(running.post(review_of(pod()), path="/mutate?timeout=30s"), 500)
    assert time.monotonic() - start < 2 * SLOWNESS


def test_W6_a_connection_serves_many_reviews(server):
    connection = server.connect()
    for _ in range(200):
        answer = server.post(review_of(pod()), connection=connection)
        assert answer.status == 200 and answer.headers.get("connection", "").lower() != "close"
    connection.close()


def test_W6_forty_connections_at_once(server):
    connections = [server.connect() for _ in range(40)]
    statuses = []

    def use(connection):
        statuses.extend(server.post(review_of(pod()), connection=connection).status for _ in range(5))
        connection.close()

    threads = [threading.Thread(target=use, args=(c,)) for c in connections]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 200


def test_W7_a_request_that_was_under_way_at_shutdown_is_answered():
    with Server("--drain-seconds", "3") as running:
        body = body_of(review_of(pod()))
        with Raw(running) as raw:
            raw.send(request_head(len(body)), body[:100])
            running.process.send_signal(signal.SIGTERM)
            until(lambda: running.get("/readyz").status == 503, "the end of readiness")
            raw.send(body[100:])
            status, headers, answer = raw.answer()
        assert status == 200 and json.loads(answer)["response"]["allowed"] is True
        assert headers["connection"].lower() == "close"
        until(lambda: running.process.poll() is not None, "its end")


def test_W7_every_refusal_is_an_answer(server):
    """Sent on one connection each: an answer comes before the connection goes."""
    for sent in (request_head(5) + "hello", request_head(0), request_head(0, path="/nowhere"),
                 request_head(1 << 40), request_head(0, method="BREW")):
        with Raw(server) as raw:
            raw.send(sent)
            assert 400 <= raw.answer()[0] < 500


def test_W8_a_reply_says_close_while_the_server_drains():
    with Server("--drain-seconds", "4") as running:
        kept = running.connect()
        assert "close" not in running.post(review_of(pod()), connection=kept).headers.get("connection", "").lower()
        running.process.send_signal(signal.SIGTERM)
        until(lambda: running.get("/readyz").status == 503, "the end of readiness")
        answer = running.post(review_of(pod()), connection=kept)
        assert answer.status == 200 and answer.headers["connection"].lower() == "close"
        answer = running.post(review_of(pod()))                # a new connection is still taken
        assert answer.status == 200 and answer.headers["connection"].lower() == "close"
        until(lambda: running.process.poll() is not None, "its end")


def test_W8_a_client_that_wants_to_close_is_let_go(server):
    body = body_of(review_of(pod()))
    with Raw(server) as raw:
        raw.send(request_head(len(body), "Connection: close"), body)
        status, headers, _ = raw.answer()
        assert status == 200 and headers["connection"].lower() == "close"
        assert raw.file.read() == b""


def padded(size):
    """A review of exactly `size` bytes: the API server may send an object and an old object of 3 MiB each."""
    review = review_of(pod(), oldObject={"filler": ""})
    review["request"]["oldObject"]["filler"] = "x" * (size - len(body_of(review)))
    return body_of(review)


def test_W9_seven_mebibytes_are_read(server):
    assert server.review(padded(7 << 20))["allowed"] is True


def test_W9_the_largest_body_is_read_and_one_byte_more_is_413(server):
    assert server.post(padded(8 << 20)).status == 200
    check_status(server.post(padded((8 << 20) + 1)), 413)
    check_alive(server)


def test_W9_a_chunked_body_above_the_cap_is_413():
    with Server("--max-body", "4096") as running:
        with Raw(running) as raw:
            raw.send(request_head(None, "Transfer-Encoding: chunked"), chunked(padded(4096), 512))
            assert raw.answer()[0] == 200
            raw.send(request_head(None, "Transfer-Encoding: chunked"), chunked(padded(4097), 512))
            assert raw.answer()[0] == 413
        check_alive(running)


def test_W9_413_comes_before_forty_megabytes_are_sent(server):
    with Raw(server) as raw:
        raw.send(request_head(40 << 20), b"x" * 65536)
        status, headers, body = raw.answer()
        assert status == 413 and json.loads(body)["code"] == 413


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_W10_another_method_is_405_and_says_which_is_right(server, method):
    answer = server.request(method, "/mutate")
    check_status(answer, 405)
    assert answer.headers["allow"] == "POST"


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_W10_another_method_with_a_body_is_405(server, method):
    answer = server.request(method, "/mutate", body_of(review_of(pod())), {"Content-Type": "application/json"})
    check_status(answer, 405)


def test_W10_head_is_405_without_a_body(server):
    answer = server.request("HEAD", "/mutate")
    assert answer.status == 405 and answer.body == b""


@pytest.mark.parametrize("path", ["/", "/mutat", "/mutate/", "/mutate/x", "/MUTATE", "/metrics", "/healthz", "/../mutate"])
def test_W10_another_path_is_404(server, path):
    check_status(server.post(review_of(pod()), path=path), 404)


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/yaml", "application/jsonx",
                                  "application/vnd.kubernetes.protobuf", "json", ""])
def test_W10_another_content_type_is_415(server, kind):
    check_status(server.post(review_of(pod()), headers={"Content-Type": kind}), 415)


@pytest.mark.parametrize("kind", ["application/json", "application/json; charset=utf-8", "application/json;charset=UTF-8",
                                  "Application/JSON", "application/json ; charset=utf-8"])
def test_W10_json_with_a_charset_is_json(server, kind):
    assert server.post(review_of(pod()), headers={"Content-Type": kind}).status == 200


def test_W10_a_compressed_body_is_415(server):
    check_status(server.post(b"\x1f\x8b", headers={"Content-Encoding": "gzip"}), 415)


@pytest.mark.parametrize("version", ["admission.k8s.io/v1", "admission.k8s.io/v1beta1"])
def test_W11_both_versions_are_answered_in_kind(server, version):
    answer = server.post({**review_of(pod()), "apiVersion": version}).json()
    assert answer["apiVersion"] == version and answer["kind"] == "AdmissionReview"
    assert operations(answer["response"])


@pytest.mark.parametrize("version", ["admission.k8s.io/v2", "admission.k8s.io/v1alpha1", "v1", "", None, 1,
                                     "admission.k8s.io/v1\0", "Admission.k8s.io/v1"])
def test_W11_an_unknown_version_is_400(server, version):
    assert "apiVersion" in check_status(server.post({**review_of(pod()), "apiVersion": version}), 400)["message"]


SECRET = b"hunter2-must-not-be-logged"
GOOD = body_of(review_of(pod(annotations={"note": SECRET.decode()})))
DEEP = 100000
MALFORMED = {
    "nothing": b"",
    "space": b"   \n",
    "no JSON": b"hello " + SECRET,
    "cut": GOOD[:-1],
    "cut in the middle": GOOD[:len(GOOD) // 2],
    "trailing bytes": GOOD + b"x",
    "two reviews": GOOD + GOOD,
    "trailing NUL": GOOD + b"\0",
    "byte order mark": b"\xef\xbb\xbf" + GOOD,
    "UTF-16": GOOD.decode().encode("utf-16"),
    "NaN": GOOD.replace(b'"name": "p"', b'"name": NaN'),
    "Infinity": GOOD.replace(b'"name": "p"', b'"name": -Infinity'),
    "leading zero": GOOD.replace(b'"name": "p"', b'"name": 01'),
    "point without digits": GOOD.replace(b'"name": "p"', b'"name": 1.'),
    "comma at the end": GOOD.replace(b'"name": "p"', b'"name": [1,]'),
    "single quotes": GOOD.replace(b'"name"', b"'name'"),
    "newline in a string": GOOD.replace(b'"p"', b'"p\n"'),
    "NUL byte in a string": GOOD.replace(b'"p"', b'"p\0"'),
    "invalid UTF-8": GOOD.replace(b'"p"', b'"\xff"'),
    "overlong UTF-8": GOOD.replace(b'"p"', b'"\xc0\xaf"'),
    "surrogate in UTF-8": GOOD.replace(b'"p"', b'"\xed\xa0\x80"'),
    "lone high surrogate": GOOD.replace(b'"p"', b'"\\ud800"'),
    "lone low surrogate": GOOD.replace(b'"p"', b'"\\udc00x"'),
    "unknown escape": GOOD.replace(b'"p"', b'"\\x41"'),
    "depth bomb of arrays": b"[" * DEEP,
    "depth bomb of arrays, closed": b"[" * DEEP + b"]" * DEEP,
    "depth bomb of objects": b'{"a":' * DEEP,
    "depth bomb inside": GOOD.replace(b'"p"', b"[" * 1000 + b"]" * 1000),
    "NUL in a key": GOOD.replace(b'"note"', b'"no\\u0000te"'),
    "array": b"[]",
    "string": b'"' + SECRET + b'"',
    "number": b"1",
    "null": b"null",
    "another kind": GOOD.replace(b'"AdmissionReview"', b'"Pod"'),
    "no kind": b'{"apiVersion":"admission.k8s.io/v1","request":{"uid":"u"}}',
}


@pytest.mark.parametrize("name", MALFORMED)
def test_W12_malformed_bodies_are_400(server, name):
    check_status(server.post(MALFORMED[name]), 400)


def test_W12_and_the_server_goes_on_and_logs_no_body(server):
    for body in MALFORMED.values():
        server.post(body)
    check_alive(server)
    assert SECRET.decode() not in server.log()


def test_W12_too_many_values_are_413(server):
    check_status(server.post(b"[" + b"1," * 2000000 + b"1]"), 413)
    check_alive(server)


TWICE = {      # where a member is put in front of one of the same name
    "a field of the review": ('{"kind": "AdmissionReview"', '"kind": "AdmissionReview"'),
    "a field of the request": ('"request": {', '"uid": "other"'),
    "a field of the metadata": ('"metadata": {', '"name": "q"'),
    "an annotation": ('"annotations": {', f'"{OPTIMIZE}": "false"'),
    "an annotation, escaped": ('"annotations": {', '"castops.io\\/optimize": "false"'),
    "a field of the resources": ('"resources": {', '"limits": {}'),
    "a limit": ('"limits": {', f'"{GPU}": "4"'),
    "a request": ('"requests": {', f'"{GPU}": "4"'),
}


@pytest.mark.parametrize("name", TWICE)
def test_W12_a_key_twice_is_400(server, name):
    place, member = TWICE[name]
    brace = place.index("{") + 1
    body = body_of(review_of(pod())).decode()
    assert body.count(place) == 1
    doubled = body.replace(place, place[:brace] + member + ", " + place[brace:]).replace(", }", "}")
    assert "twice" in check_status(server.post(doubled), 400)["message"]


def test_W12_large_numbers_and_unknown_fields_survive(server):
    """The patch names only what changes, so the rest of the object is never encoded again."""
    body = body_of(review_of(pod(spec={"priority": "NUMBER", "futureField": {"deep": [{"Ünï": None}]}})))
    body = body.replace(b'"NUMBER"', b"12345678901234567890123")
    body = body.replace(b'"futureField": {', b'"futureField": {"long": 1' + b"0" * 100 + b', "beyond": 1e999, "tiny": 1e-999, ')
    patch = operations(server.review(body))
    assert {op["path"] for op in patch} == {
        f"/spec/containers/0/resources/{which}/{name}" for which in ("limits", "requests")
        for name in ("nvidia.com~1gpu", "nvidia.com~1gpu-shared")}


@pytest.mark.parametrize("value", ["true\0x", "true\0", "\0true", "\0"])
def test_W12_a_string_does_not_end_at_nul(server, value):
    assert mutate(server, pod(annotations={OPTIMIZE: value}))[0] == []


def test_W12_a_ratio_does_not_end_at_nul(server):
    response = server.review(review_of(pod(annotations={RATIO: "4\0"})))
    assert response["allowed"] is False
    assert '"4\\' in response["status"]["message"] and "\0" not in response["status"]["message"]


@pytest.mark.parametrize("name, request_field", [
    ("no request", {"request": None}), ("request is no object", {"request": []}), ("request is a string", {"request": "x"})])
def test_W13_no_request_is_400(server, name, request_field):
    check_status(server.post({**review_of(pod()), **request_field}), 400)


@pytest.mark.parametrize("uid", [None, "", 7, {}, ["x"]])
def test_W13_no_uid_is_400(server, uid):
    assert "uid" in check_status(server.post(review_of(pod(), uid=uid)), 400)["message"]


def test_W13_absent_request_and_absent_uid_are_400(server):
    review = review_of(pod())
    del review["request"]["uid"]
    check_status(server.post(review), 400)
    del review["request"]
    check_status(server.post(review), 400)


@pytest.mark.parametrize("name, request_fields", [
    ("DELETE, object null", {"operation": "DELETE", "object": None, "oldObject": pod()}),
    ("CREATE, object null", {"object": None}),
    ("UPDATE", {"operation": "UPDATE", "oldObject": pod()}),
    ("CONNECT", {"operation": "CONNECT", "subResource": "exec"}),
    ("no operation", {"operation": ""}),
    ("operation in lower case", {"operation": "create"}),
    ("another kind", {"kind": {"group": "apps", "version": "v1", "kind": "Deployment"}}),
    ("another group", {"kind": {"group": "example.com", "version": "v1", "kind": "Pod"}}),
    ("no kind", {"kind": None}),
    ("subresource", {"subResource": "ephemeralcontainers"}),
    ("object is a string", {"object": "x"}),
    ("object is empty", {"object": {}}),
])
def test_W13_what_is_no_new_pod_is_allowed_without_a_patch(server, name, request_fields):
    response = server.review(review_of(request_fields.pop("object", pod()), **request_fields))
    assert response["allowed"] is True and response["uid"] == review_of(None)["request"]["uid"]
    assert "patch" not in response and "patchType" not in response


def test_W13_a_dry_run_is_answered_and_counted_like_any_other(server):
    before = server.metrics()
    dry, _ = mutate(server, pod(), dryRun=True)
    wet, _ = mutate(server, pod(), dryRun=False)
    assert dry == wet != []
    after = server.metrics()
    assert after["castslice_mutations_total"] == before["castslice_mutations_total"] + 2


# ---- R: the response we send -----------------------------------------------------------------------


@pytest.fixture(scope="module", params=RECORDED)
def exchange(request, server):
    """A recorded review and its HTTP answer."""
    review = recorded(request.param)
    return review, server.post(review)


def test_R1_200_json_and_a_length(exchange):
    _, answer = exchange
    assert answer.status == 200 and answer.headers["content-type"] == "application/json"
    assert int(answer.headers["content-length"]) == len(answer.body) and "transfer-encoding" not in answer.headers


def test_R2_it_is_an_admission_review(exchange):
    review, answer = exchange
    assert answer.json()["kind"] == "AdmissionReview" and answer.json()["apiVersion"] == review["apiVersion"]


def test_R3_the_uid_is_the_one_of_the_request(exchange):
    review, answer = exchange
    assert answer.json()["response"]["uid"] == review["request"]["uid"]


@pytest.mark.parametrize("uid", ["u", "a\"b\\c/d", "tab\tnewline\n", "Grüße 漢字 😀", "\u0001\u007f", "x\0y", "0" * 5000])
def test_R3_any_uid_comes_back_as_it_was(server, uid):
    assert server.review(review_of(pod(), uid=uid))["uid"] == uid


def test_R4_allowed_is_a_boolean(exchange):
    _, answer = exchange
    assert isinstance(answer.json()["response"]["allowed"], bool)
    assert len(re.findall(rb'"allowed":(true|false)[,}]', answer.body)) == 1


def test_R5_patch_and_patch_type_come_together(exchange):
    _, answer = exchange
    response = answer.json()["response"]
    assert ("patch" in response) == ("patchType" in response)
    if "patch" in response:
        assert response["patchType"] == "JSONPatch" and response["patch"] != ""


def test_R6_the_patch_is_padded_base64_of_an_array(exchange):
    _, answer = exchange
    patch = answer.json()["response"].get("patch")
    if patch is not None:
        assert re.fullmatch("[A-Za-z0-9+/]+={0,2}", patch) and len(patch) % 4 == 0
        assert isinstance(json.loads(base64.b64decode(patch, validate=True)), list)


def test_R6_whatever_the_length_of_the_patch(server):
    paddings = set()
    for digits in range(1, 7):
        response = server.review(review_of(pod(container(gpu("1" * digits)))))
        assert len(response["patch"]) % 4 == 0 and operations(response)
        paddings.add(response["patch"].count("="))
    assert paddings == {0, 1, 2}


UNCHANGED = ["whole-gpu-deployment", "mig-pod", "shared-already-pod"]


@pytest.mark.parametrize("name", UNCHANGED)
def test_R7_no_change_no_patch_fields(server, name):
    response = server.review(recorded(name))
    assert response["allowed"] is True and "patch" not in response and "patchType" not in response


def test_R8_one_json_value_and_nothing_else(exchange):
    _, answer = exchange
    text = answer.body.decode()
    _, end = json.JSONDecoder().raw_decode(text)
    assert text.startswith("{") and end == len(text)


def test_R9_a_denial_has_a_code_and_one_clear_sentence(server):
    for name, annotation in (("denied-ratio-pod", RATIO), ("denied-type-pod", TYPE)):
        response = server.review(recorded(name))
        assert response["allowed"] is False and "patch" not in response
        assert response["status"]["code"] == 400
        message = response["status"]["message"]
        assert annotation in message and "\n" not in message and len(message.encode()) <= 500


def test_R9_policy_forbids_it_is_403(policy):
    response = policy('return function() return { deny = "not on a Friday" } end').review(review_of(pod()))
    assert response["allowed"] is False and response["status"]["code"] == 403
    assert response["status"]["message"] == "not on a Friday"


FAILING = {
    "raises": 'return function() error("on purpose") end',
    "indexes nil": "return function(pod) return pod.nothing.here end",
    "loops": SPIN,
    "eats memory": 'return function() local s = "x" while true do s = s .. s end end',
    "fills a table": "return function() local t = {} while true do t[#t + 1] = {} end end",
    "recurses": "local function f() return 1 + f() end return f",
    "unknown field": "return function() return { ratoi = 2 } end",
    "wrong type": 'return function() return { ratio = "2" } end',
    "ratio of zero": "return function() return { ratio = 0 } end",
    "returns a number": "return function() return 7 end",
    "a container nobody has": "return function() return { containers = { ghost = { ratio = 2 } } } end",
    "the source as target": f'return function() return {{ ratio = 2, resource = "{GPU}" }} end',
}


@pytest.mark.parametrize("name", FAILING)
def test_R10_a_policy_that_fails_is_500_with_its_file(policy, name):
    running = policy(FAILING[name])
    for _ in range(3):                                         # and the next review is served the same way
        assert "policy.lua" in check_status(running.post(review_of(pod())), 500)["message"]
    assert running.post(recorded("mig-pod")).status == 200
    metrics = running.metrics()
    assert metrics["castslice_errors_total"] == 3 and metrics["castslice_noop_total"] == 1


def test_R10_too_many_connections_are_503_and_may_come_back_in_a_second():
    with Server("--max-connections", "4", "--threads", "1") as running:
        held = [running.connect() for _ in range(4)]
        assert [running.post(review_of(pod()), connection=c).status for c in held] == [200] * 4
        answer = running.post(review_of(pod()))
        check_status(answer, 503)
        assert answer.headers["retry-after"] == "1" and answer.headers["connection"].lower() == "close"
        for connection in held:
            connection.close()
        until(lambda: running.post(review_of(pod())).status == 200, "room for a connection")


def test_R11_no_redirect_no_compression_and_small(exchange):
    review, answer = exchange
    assert "location" not in answer.headers and "content-encoding" not in answer.headers
    assert len(answer.body) < 4096


def test_R12_warnings_are_short_clean_and_ours(policy):
    long = "w" * 300
    running = policy(f'return function() return {{ ratio = 2, warnings = {{ "first", "{long}", "a\\nb\\0c\\27", "é€😀" }} }} end')
    warnings = running.review(review_of(pod()))["warnings"]
    assert len(warnings) == 4 and warnings[0] == "first" and warnings[3] == "é€😀"
    for text in warnings:
        assert 0 < len(text) <= 120 and text.isprintable() and not text.lower().startswith("warning")
    assert sum(map(len, warnings)) <= 4096


def test_R12_no_warnings_no_field(server):
    assert "warnings" not in server.review(review_of(pod()))


AUDIT_KEY = "[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"


def test_R13_audit_keys_are_names_without_a_slash(exchange):
    _, answer = exchange
    for key, value in answer.json()["response"].get("auditAnnotations", {}).items():
        assert re.fullmatch(AUDIT_KEY, key) and isinstance(value, str)


def test_R13_what_the_policy_says_is_recorded_and_the_same_every_time(policy):
    running = policy('return function(pod) return { ratio = 2, reason = "because", rule = "night" } end')
    answers = [running.review(review_of(pod()))["auditAnnotations"] for _ in range(5)]
    assert answers == [answers[0]] * 5
    assert sorted(answers[0].values()) == ["because", "night"]
    assert all(re.fullmatch(AUDIT_KEY, key) for key in answers[0])


@pytest.mark.parametrize("name", RECORDED)
def test_R14_a_second_pass_changes_nothing(server, name):
    review = recorded(name)
    response = server.review(review)
    if "patch" in response:
        review["request"]["object"] = apply_strictly(review["request"]["object"], operations(response))
        again = server.review(review)
        assert again["allowed"] is True and "patch" not in again and "patchType" not in again


def test_R15_every_replica_sends_the_same_bytes(server):
    with Server("--threads", "1") as other:
        for name in RECORDED:
            bodies = {each.post(recorded(name)).body for each in (server, server, other, other)}
            assert len(bodies) == 1, name


def test_R15_even_when_the_policy_walks_tables(policy, tmp_path):
    text = """return function(pod)
      local notes = {}
      for i = 1, 20 do notes["example.com/k" .. i] = "v" end
      return { ratio = 2, annotations = notes, labels = { b = "1", a = "2", c = "3" } }
    end"""
    bodies = {running.post(review_of(pod())).body for running in (policy(text), policy(text)) for _ in range(5)}
    assert len(bodies) == 1


def test_R16_a_dry_run_is_answered_with_the_same_bytes(server):
    bodies = {server.post(review_of(pod(), dryRun=dry)).body for dry in (True, False)}
    assert len(bodies) == 1


# ---- P: the patch as the API server's library applies it --------------------------------------------


@pytest.mark.parametrize("name", RECORDED)
def test_P_the_patches_of_recorded_reviews_apply(server, name):
    """P1 to P10: two appliers agree, and nothing but resources and metadata changes."""
    review = recorded(name)
    if not server.review(review)["allowed"]:
        return
    request = review["request"]
    _, after = mutate(server, request["object"], namespace=request["namespace"], userInfo=request["userInfo"])
    assert bool(slices(after)) == (name not in ("whole-gpu-deployment", "mig-pod"))


ADDING = """return function(pod)
  return { ratio = 2, annotations = { ["example.com/note"] = "n", plain = "p" }, labels = { ["example.com/l"] = "v" } }
end"""


def test_P1_slashes_in_keys_are_escaped(policy):
    patch, after = mutate(policy(ADDING), pod())
    assert after["metadata"]["annotations"]["example.com/note"] == "n" and after["metadata"]["labels"] == {"example.com/l": "v"}
    assert all("%2F" not in op["path"].upper() for op in patch)
    assert "/metadata/annotations/example.com~1note" in [op["path"] for op in patch]


@pytest.mark.parametrize("name, metadata", [
    ("no annotations, no labels", {}),
    ("null annotations and labels", {"annotations": None, "labels": None}),
    ("empty annotations and labels", {"annotations": {}, "labels": {}}),
    ("annotations and labels", {"annotations": {"a": "1"}, "labels": {"b": "2"}}),
])
def test_P2_P3_parents_are_added_only_where_absent(policy, name, metadata):
    before = pod()
    before["metadata"] = {"name": "p", **metadata}
    patch, after = mutate(policy(ADDING), before)              # the policy enrols it
    assert after["metadata"]["annotations"] == {**(metadata.get("annotations") or {}), "example.com/note": "n", "plain": "p"}
    assert after["metadata"]["labels"] == {**(metadata.get("labels") or {}), "example.com/l": "v"}
    parents = [op for op in patch if op.get("value") == {}]
    assert len(parents) == sum(metadata.get(key) is None for key in ("annotations", "labels"))


@pytest.mark.parametrize("name, resources", [
    ("no requests", {"limits": {GPU: "1"}}),
    ("null requests", {"limits": {GPU: "1"}, "requests": None}),
    ("empty requests", {"limits": {GPU: "1"}, "requests": {}}),
    ("other requests", {"limits": {GPU: "1", "cpu": "1"}, "requests": {"cpu": "1"}}),
])
def test_P2_P3_requests_are_added_only_where_absent(server, name, resources):
    patch, after = mutate(server, pod(container(resources)))
    requests = {k: v for k, v in (resources.get("requests") or {}).items() if k != GPU}
    assert after["spec"]["containers"][0]["resources"]["requests"] == {**requests, SHARED: "1"}
    assert sum(op.get("value") == {} for op in patch) == (resources.get("requests") is None)


def test_P4_a_value_the_pod_has_is_never_replaced(policy):
    before = pod(annotations={"example.com/note": "mine"}, labels={"example.com/l": "mine"})
    _, after = mutate(policy(ADDING), before)
    assert after["metadata"]["annotations"]["example.com/note"] == "mine"
    assert after["metadata"]["labels"] == {"example.com/l": "mine"}


def test_P5_P6_P8_P9_only_remove_and_add_one_key_each(server):
    patch, _ = mutate(server, pod(container(gpu("3", cpu="1"))))
    base = "/spec/containers/0/resources"
    assert sorted(((op["op"], op["path"], op.get("value")) for op in patch), key=str) == sorted([
        (kind, f"{base}/{which}/{name}", value) for which in ("limits", "requests")
        for kind, name, value in (("remove", "nvidia.com~1gpu", None), ("add", "nvidia.com~1gpu-shared", "3"))], key=str)


def test_P7_indices_are_those_of_each_list(server):
    init = [container(name="a"), container(gpu("2"), name="b"), container(gpu("3"), name="c", restartPolicy="Always")]
    main = [container(gpu("4"), name="d"), container({}, name="e"), container(gpu("5"), name="f")]
    patch, after = mutate(server, pod(*main, init=init))
    assert slices(after) == {"b": "2", "c": "3", "d": "4", "f": "5"}
    assert {tuple(tokens(op["path"])[1:3]) for op in patch} == {
        ("initContainers", "1"), ("initContainers", "2"), ("containers", "0"), ("containers", "2")}


MISSHAPEN = {
    "metadata missing": {"spec": {"containers": [container(gpu())]}},
    "metadata a list": {"metadata": [], "spec": {"containers": [container(gpu())]}},
    "annotations a list": {"metadata": {"annotations": []}, "spec": {"containers": [container(gpu())]}},
    "annotations a string": {"metadata": {"annotations": "x"}, "spec": {"containers": [container(gpu())]}},
    "labels a string": {"metadata": {"labels": "x"}, "spec": {"containers": [container(gpu())]}},
    "spec missing": {"metadata": {"annotations": {OPTIMIZE: "true"}}},
    "spec a list": {"metadata": {}, "spec": [container(gpu())]},
    "containers an object": {"metadata": {}, "spec": {"containers": {"0": container(gpu())}}},
    "a container a string": {"metadata": {}, "spec": {"containers": ["x", container(gpu())]}},
    "resources a list": {"metadata": {}, "spec": {"containers": [container([])]}},
    "limits a list": {"metadata": {}, "spec": {"containers": [container({"limits": [GPU]})]}},
    "requests a list": {"metadata": {}, "spec": {"containers": [container({"limits": {GPU: "1"}, "requests": []})]}},
    "requests a string": {"metadata": {}, "spec": {"containers": [container({"limits": {GPU: "1"}, "requests": "x"})]}},
    "quantity an object": {"metadata": {}, "spec": {"containers": [container({"limits": {GPU: {}}, "requests": {GPU: {}}})]}},
}


@pytest.mark.parametrize("name", MISSHAPEN)
def test_P10_a_patch_that_would_not_apply_is_never_sent(policy, name):
    """Objects no API server would send: whatever we answer, a patch in it applies."""
    before = {"apiVersion": "v1", "kind": "Pod", **MISSHAPEN[name]}
    answer = policy(ADDING).post(review_of(before))
    assert answer.status in (200, 500), answer.body
    if answer.status == 200:
        patch = operations(answer.json()["response"])
        assert apply_strictly(before, patch) == apply_by_library(before, patch)


# ---- V: what the patched Pod must satisfy ----------------------------------------------------------


def test_V1_the_gpu_leaves_limits_and_requests(server):
    _, after = mutate(server, pod(annotations={TYPE: "training"}))
    assert after["spec"]["containers"][0]["resources"] == {"limits": {SHARED: "4"}, "requests": {SHARED: "4"}}


@pytest.mark.parametrize("limit, request_, count", [
    ("1", "1", 1), (1, 1, 1), ("8", "8000m", 8), ("1000m", "1", 1), ("1k", "1e3", 1000), ("1e0", "1", 1),
    ("1Ki", "1024", 1024), ("+2", "2", 2), ("2.0", "2", 2), (2.0, "2", 2), ("02", "2", 2), ("2000000u", "2", 2)])
def test_V2_every_whole_quantity_is_read(server, limit, request_, count):
    _, after = mutate(server, pod(container({"limits": {GPU: limit}, "requests": {GPU: request_}}), annotations={RATIO: "3"}))
    assert slices(after) == {"main": str(3 * count)}


@pytest.mark.parametrize("limit, request_", [
    ("500m", "500m"), ("1.5", "1.5"), ("0", "0"), ("-1", "-1"), ("", ""), ("x", "x"), ("1 GPU", "1 GPU"), ("1n", "1n"),
    (None, None), (True, True), ("1", "2"), ("1", "0"), ("1", None), ("1e30", "1e30")])
def test_V2_what_is_no_whole_gpu_is_left_to_the_api_server(server, limit, request_):
    patch, _ = mutate(server, pod(container({"limits": {GPU: limit}, "requests": {GPU: request_}})))
    assert patch == []


@pytest.mark.parametrize("name", ["nvidia.com", "kubernetes.io/gpu", "x.kubernetes.io/gpu", "requests.example.com/gpu",
                                  GPU, "example.com/", "/gpu", "example.com/a b", "Example.com/gpu",
                                  "example.com/" + "x" * 64, "a" * 254 + "/gpu"])
def test_V2_a_target_kubernetes_would_refuse_is_a_policy_error(policy, name):
    running = policy(f'return function() return {{ ratio = 2, resource = "{name}" }} end')
    check_status(running.post(review_of(pod())), 500)


def test_V3_containers_init_containers_and_sidecars_alike(server):
    init = [container(gpu(), name="load"), container(gpu(), name="side", restartPolicy="Always")]
    _, after = mutate(server, pod(init=init, annotations={RATIO: "5"}))
    assert slices(after) == {"main": "5", "load": "5", "side": "5"}


def test_V4_ephemeral_containers_are_not_touched(server):
    before = pod(spec={"ephemeralContainers": [container(gpu(), name="debug")]})
    patch, after = mutate(server, before)
    assert after["spec"]["ephemeralContainers"] == before["spec"]["ephemeralContainers"]
    assert not [op for op in patch if "ephemeral" in op["path"]]


@pytest.mark.parametrize("subresource", ["ephemeralcontainers", "resize", "status", "binding"])
def test_V4_subresources_are_not_touched(server, subresource):
    for operation in ("CREATE", "UPDATE"):
        assert mutate(server, pod(), subResource=subresource, operation=operation)[0] == []


def test_V5_pod_level_resources_stay_as_they_are(server):
    before = pod(spec={"resources": {"limits": {"cpu": "4", GPU: "1"}, "requests": {"cpu": "4", GPU: "1"}}})
    patch, after = mutate(server, before)
    assert after["spec"]["resources"] == before["spec"]["resources"] and slices(after)
    assert not [op for op in patch if op["path"].startswith("/spec/resources")]


def test_V6_a_pod_that_exists_is_not_touched(server):
    assert mutate(server, pod(), operation="UPDATE", oldObject=pod())[0] == []


def test_V6_mirror_pods_and_bound_pods_are_not_touched(server):
    assert mutate(server, pod(annotations={"kubernetes.io/config.mirror": "abc"}))[0] == []
    assert mutate(server, pod(spec={"nodeName": "node-1"}))[0] == []


ALONE = {
    "both names": {"limits": {GPU: "1", SHARED: "2"}, "requests": {GPU: "1", SHARED: "2"}},
    "the target already": {"limits": {SHARED: "2"}, "requests": {SHARED: "2"}},
    "only in requests": {"requests": {GPU: "1"}},
    "zero": gpu("0"),
    "null limits": {"limits": None, "requests": None},
    "null resources": None,
    "empty resources": {},
    "empty limits": {"limits": {}},
    "MIG": {"limits": {"nvidia.com/mig-1g.5gb": "1"}, "requests": {"nvidia.com/mig-1g.5gb": "1"}},
    "AMD": {"limits": {"amd.com/gpu": "1"}, "requests": {"amd.com/gpu": "1"}},
    "the name in another case": {"limits": {"nvidia.com/GPU": "1"}, "requests": {"nvidia.com/GPU": "1"}},
    "a longer name": {"limits": {"nvidia.com/gpux": "1"}, "requests": {"nvidia.com/gpux": "1"}},
    "keys in another case": {"Limits": {GPU: "1"}, "Requests": {GPU: "1"}},
}


@pytest.mark.parametrize("name", ALONE)
def test_V7_a_container_that_is_left_alone(server, name):
    odd = {"name": "odd", "image": "app", "resources": ALONE[name]}
    assert mutate(server, pod(odd))[0] == []
    _, after = mutate(server, pod(odd, container(gpu("2"), name="plain")))
    assert after["spec"]["containers"][0] == odd and slices(after).get("plain") == "2"


def test_V7_unknown_fields_stay(server):
    future = container({**gpu(), "claims": [{"name": "x"}], "future": {"a": [1, None]}}, futureField={"deep": {}})
    _, after = mutate(server, pod(future))
    assert after["spec"]["containers"][0]["resources"]["future"] == {"a": [1, None]}
    assert after["spec"]["containers"][0]["futureField"] == {"deep": {}}


def test_V7_several_gpu_containers_and_counts(server):
    many = [container(gpu(str(n)), name=f"c{n}") for n in range(1, 9)]
    _, after = mutate(server, pod(*many, annotations={TYPE: "batch"}))
    assert slices(after) == {f"c{n}": str(2 * n) for n in range(1, 9)}


def test_V7_a_thousand_containers(server):
    many = [container(gpu(), name=f"c{n}") for n in range(1000)]
    _, after = mutate(server, pod(*many, annotations={RATIO: "2"}))
    assert slices(after) == {f"c{n}": "2" for n in range(1000)}


def test_V8_annotations_stay_within_256_kib(policy):
    running = policy(ADDING)
    room = 256 * 1024 - len("filler") - len(OPTIMIZE) - len("true")
    for left, added in ((100, True), (21, True), (20, True), (10, False), (0, False)):
        _, after = mutate(running, pod(annotations={"filler": "x" * (room - left)}))
        assert ("example.com/note" in after["metadata"]["annotations"]) == (left >= len("example.com/noten" + "plainp")), left
        assert slices(after) == {"main": "2"}


@pytest.mark.parametrize("field, key, value", [
    ("labels", "l", "x" * 64), ("labels", "l", "a b"), ("labels", "l", "-x"), ("labels", "x" * 64, "v"), ("labels", "a/b/c", "v"),
    ("annotations", "x" * 64, "v"), ("annotations", "", "v"), ("annotations", "UPPER.example/x", "v"),
    ("annotations", "kubernetes.io/x", "v"), ("labels", "app.kubernetes.io/name", "v"), ("annotations", OPTIMIZE, "true"),
    ("annotations", RATIO, "2"), ("annotations", TYPE, "dev"), ("labels", "topology.k8s.io/zone", "v")])
def test_V8_keys_and_values_kubernetes_would_refuse_are_policy_errors(policy, field, key, value):
    running = policy(f'return function() return {{ ratio = 2, {field} = {{ ["{key}"] = "{value}" }} }} end')
    check_status(running.post(review_of(pod())), 500)


WHO = 'return function(pod) return { deny = pod.namespace .. "|" .. pod.name .. "|" .. pod.generate_name } end'


def test_V9_generated_names_and_the_namespace_of_the_request(policy):
    before = pod(generateName="web-")
    del before["metadata"]["name"]
    running = policy(WHO)
    message = running.review(review_of(before, namespace="team-a"))["status"]["message"]
    assert message == "team-a||web-"
    before["metadata"]["namespace"] = ""
    assert running.review(review_of(before, namespace="team-b"))["status"]["message"] == "team-b||web-"


def test_V9_a_pod_without_a_name_is_rewritten(server):
    before = pod(generateName="web-")
    del before["metadata"]["name"]
    assert slices(mutate(server, before, namespace="team-a")[1]) == {"main": "1"}


# ---- last: what has been idle all the while ---------------------------------------------------------


def test_W6_a_connection_that_idled_longer_than_the_pool_keeps_it_is_still_served(server, idle):
    """An API server keeps an idle connection for 90 s; one we had dropped before would lose a review."""
    time.sleep(max(0.0, idle.since + IDLE_SECONDS - time.monotonic()))
    idle.connection.request("POST", "/mutate?timeout=10s", json.dumps(recorded("ollama-inference")),
                            {"Content-Type": "application/json"})
    answer = Answer(idle.connection.getresponse())
    assert answer.status == 200 and operations(answer.json()["response"])
    idle.connection.close()
