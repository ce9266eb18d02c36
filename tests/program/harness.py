"""The real program as a test sees it: start it, talk to it over TLS, read its log, stop it.

Every test starts its own server on ports the kernel chose and reads them from the
ready line. Nothing sleeps: `until()` waits on a condition.
"""
import base64
import functools
import http.client
import json
import os
import pathlib
import signal
import socket
import ssl
import subprocess
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
CASTSLICE = os.environ.get("CASTSLICE", str(ROOT / "build/release/castslice"))
REVIEWS = ROOT / "tests/reviews"
SLOWNESS = float(os.environ.get("CASTSLICE_TEST_SLOWNESS", "1"))   # sanitizers need more time for everything


def until(condition, what, seconds=10.0):
    """Wait until `condition()` is true and return its value. `what` is for the message, or a function that tells it."""
    deadline = time.monotonic() + seconds * SLOWNESS
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds:g} s for {what() if callable(what) else what}")
        time.sleep(0.01)


def free_port():
    """One that was free a moment ago, for a program that cannot say which one the kernel gave it."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


def insecure_context():
    """A TLS client that takes any certificate: the throw-away one has no authority. The caller's own to change."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


shared_context = functools.cache(insecure_context)      # making one costs 20 ms


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = {k.lower(): v for k, v in response.getheaders()}
        self.body = response.read()

    def json(self):
        return json.loads(self.body)


class Server:
    """`with Server("--threads", "1") as server:` starts `castslice serve` and waits for its ready line."""

    def __init__(self, *flags, env=None, ready=True, prefix=()):
        environment = {k: v for k, v in os.environ.items() if not k.startswith("CASTSLICE_")}
        environment.update(env or {})
        command = [*prefix, CASTSLICE, "serve", "--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0",
                   "--drain-seconds", "0", *flags]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, env=environment)
        self.lines = []
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        self.webhook_port = self.metrics_port = None
        if ready:
            line = until(lambda: self.line("ready") or self.process.poll() is not None, "the ready line")
            assert line is not True, "ended before it was ready:\n" + self.log()
            self.webhook_port = int(line["webhook"].rpartition(":")[2])
            self.metrics_port = int(line["metrics"].rpartition(":")[2])

    def _read(self):
        for line in self.process.stderr:
            self.lines.append(line.decode("utf-8", "replace").rstrip("\n"))

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        status = self.stop()
        if kind:
            print("---- the server's log\n" + self.log())
        else:
            assert status == 0, f"exit status {status}\n" + self.log()

    def log(self):
        return "\n".join(self.lines)

    def logged(self, message, seconds=10.0):
        """The first log line with this msg, as a dict. It is waited for: what it tells of can be seen a
        moment before it is written."""
        return until(lambda: self.line(message), f"the log line {message!r}", seconds)

    def line(self, message):
        """The first log line with this msg that has come so far, as a dict, or None."""
        for line in list(self.lines):
            try:
                fields = json.loads(line)
            except ValueError:
                continue
            if fields.get("msg") == message:
                return fields
        return None

    def connect(self, timeout=20.0):
        """An open HTTPS connection to the webhook (http.client)."""
        connection = http.client.HTTPSConnection("127.0.0.1", self.webhook_port, context=shared_context(),
                                                 timeout=timeout * SLOWNESS)
        connection.connect()
        return connection

    def request(self, method, path, body=None, headers=None, connection=None):
        own = connection or self.connect()
        own.request(method, path, body=body, headers=headers or {})
        answer = Answer(own.getresponse())
        if not connection:
            own.close()
        return answer

    def post(self, body, path="/mutate?timeout=10s", headers=None, connection=None):
        """POST bytes, or an object as JSON."""
        if not isinstance(body, (bytes, str)):
            body = json.dumps(body)
        if isinstance(body, str):
            body = body.encode()
        return self.request("POST", path, body, {"Content-Type": "application/json", **(headers or {})}, connection)

    def review(self, body):
        """POST a review, expect 200, and return its response."""
        answer = self.post(body)
        assert answer.status == 200, answer.body
        return answer.json()["response"]

    def get(self, path):
        """GET from the metrics port."""
        connection = http.client.HTTPConnection("127.0.0.1", self.metrics_port, timeout=20 * SLOWNESS)
        connection.request("GET", path)
        answer = Answer(connection.getresponse())
        connection.close()
        return answer

    def metrics(self):
        """Every sample of /metrics by its name, labels included."""
        samples = {}
        for line in self.get("/metrics").body.decode().splitlines():
            if line and not line.startswith("#"):
                name, _, value = line.rpartition(" ")
                samples[name] = float(value)
        return samples

    def stop(self, with_signal=signal.SIGTERM, seconds=20):
        """Signal it, wait, and return the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(with_signal)
        try:
            self.process.wait(seconds * SLOWNESS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError("did not stop\n" + self.log())
        self.reader.join()
        return self.process.returncode


def run(*arguments, stdin=None, env=None):
    """`castslice ARGUMENTS`: (exit status, stdout, stderr)."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("CASTSLICE_")}
    environment.update(env or {})
    if isinstance(stdin, str):
        stdin = stdin.encode()
    done = subprocess.run([CASTSLICE, *map(str, arguments)], input=stdin if stdin is not None else b"",
                          capture_output=True, env=environment, timeout=60 * SLOWNESS)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def recorded(name):
    """A review as kube-apiserver sent it."""
    return json.loads((REVIEWS / f"{name}.json").read_text())


def review_of(pod, **request):
    """A review of a Pod of ours, shaped as the API server shapes them."""
    return {"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "request": {
        "uid": "11111111-2222-3333-4444-555555555555",
        "kind": {"group": "", "version": "v1", "kind": "Pod"},
        "resource": {"group": "", "version": "v1", "resource": "pods"},
        "namespace": "default", "operation": "CREATE", "userInfo": {"username": "admin"},
        "object": pod, "oldObject": None, "dryRun": False, **request}}


def operations(response):
    """The JSON Patch of a response, [] when it has none."""
    return json.loads(base64.b64decode(response["patch"], validate=True)) if "patch" in response else []
