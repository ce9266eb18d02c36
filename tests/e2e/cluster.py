"""A Kubernetes control plane: etcd, kube-apiserver, kube-controller-manager, kube-scheduler and kwok.

Meant to be started inside a network namespace (`tests/e2e/run` makes one). There it owns every address:
the API server listens on NODE_IP, Services get their ClusterIP on `lo` (node.py), and nothing else can be
reached. `Cluster` starts and stops the programs, and speaks to the API server in two ways: `kubectl()` is
what users type, `api()` and `watch()` are for the harness itself.
"""
import contextlib
import http.client
import json
import os
import pathlib
import shutil
import socket
import ssl
import subprocess
import threading

import harness

NODE_IP = "192.0.2.10"          # of the block for documentation, RFC 5737
API_PORT = 6443
SERVICES = "10.96.0.0/16"
TOKEN = "end-to-end"
ROOT = pathlib.Path(__file__).resolve().parents[2]


def until(condition, what, seconds=30.0):
    """As in the other tests, with the patience that a control plane needs."""
    return harness.until(condition, what, seconds)


def run(*command, stdin=None, check=True):
    """Run a program to its end: CompletedProcess with text output."""
    done = subprocess.run([str(word) for word in command], input=stdin, capture_output=True, text=True, timeout=300,
                          **({} if stdin is not None else {"stdin": subprocess.DEVNULL}))
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, command))}: exit status {done.returncode}\n{done.stderr}{done.stdout}")
    return done


class Program:
    """One program of the control plane, its log in a file of its own."""

    def __init__(self, folder, name, *flags):
        self.name, self.log = name, folder / f"{name}.log"
        path = shutil.which(name) or name
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen([path, *flags], stdout=log, stderr=log, stdin=subprocess.DEVNULL)

    def last_lines(self, count=20):
        lines = self.log.read_text(errors="replace").splitlines()[-count:]
        return "\n".join(line[:400] for line in lines)

    def check(self):
        if self.process.poll() is not None:
            raise AssertionError(f"{self.name} ended with exit status {self.process.returncode}; its last lines:\n"
                                 f"{self.last_lines()}\nAll logs are in {self.log.parent}")
        return self

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(10)
            self.process.kill()
        self.process.wait()


class ApiError(AssertionError):
    """The API server's refusal: `.status` is the HTTP status, `.message` its sentence."""

    def __init__(self, status, body):
        with contextlib.suppress(ValueError, AttributeError):
            body = json.loads(body).get("message", body)
        super().__init__(f"{status}: {body}")
        self.status, self.message = status, body


class Cluster:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        shutil.rmtree(self.folder, ignore_errors=True)
        (self.folder / "pki").mkdir(parents=True)
        self.programs, self.marks, self.kept = [], 0, threading.local()
        self.kubeconfig = self.folder / "kubeconfig"
        self.context = ssl._create_unverified_context()     # the API server's own certificate is not what we test

    # ---- life cycle ----------------------------------------------------------

    def start(self):
        run("ip", "addr", "add", f"{NODE_IP}/32", "dev", "lo")
        run("ip", "addr", "add", "10.96.0.1/32", "dev", "lo")
        self._write_credentials()
        self._start_etcd()
        self._start_api_server()
        os.environ["KUBECONFIG"] = str(self.kubeconfig)
        self._start_controllers()
        self._await(lambda: self.exists("/api/v1/namespaces/default/serviceaccounts/default"), "the default service account")
        return self

    def stop(self):
        for program in reversed(self.programs):
            program.stop()

    def _launch(self, name, *flags):
        self.programs.append(Program(self.folder, name, *flags))

    def _await(self, condition, what, seconds=60):
        """`until`, but a program that ends meanwhile is told of at once, with its last lines."""
        def alive():
            for program in self.programs:
                program.check()
            return condition()
        last = self.programs[-1]
        until(alive, lambda: f"{what}; the last lines of {last.name}:\n{last.last_lines()}\nAll logs are in {self.folder}",
              seconds)

    def _write_credentials(self):
        pki = self.folder / "pki"
        run("openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", pki / "sa.key")
        run("openssl", "pkey", "-in", pki / "sa.key", "-pubout", "-out", pki / "sa.pub")
        (pki / "tokens.csv").write_text(f"{TOKEN},admin,admin,system:masters\n")
        self.kubeconfig.write_text(json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": "e2e",
            "clusters": [{"name": "e2e", "cluster": {"server": f"https://{NODE_IP}:{API_PORT}",
                                                     "insecure-skip-tls-verify": True}}],
            "users": [{"name": "admin", "user": {"token": TOKEN}}],
            "contexts": [{"name": "e2e", "context": {"cluster": "e2e", "user": "admin"}}]}))

    def _start_etcd(self):
        urls = {"client": "http://127.0.0.1:2379", "peer": "http://127.0.0.1:2380"}
        self._launch("etcd", "--data-dir", str(self.folder / "etcd"), "--unsafe-no-fsync", "--log-level=warn",
                     "--listen-client-urls", urls["client"], "--advertise-client-urls", urls["client"],
                     "--listen-peer-urls", urls["peer"], "--initial-advertise-peer-urls", urls["peer"],
                     "--initial-cluster", f"default={urls['peer']}")
        self._await(lambda: _answers(2379), "etcd to listen")

    def _start_api_server(self):
        pki = self.folder / "pki"
        self._launch("kube-apiserver", "--etcd-servers=http://127.0.0.1:2379", "--bind-address=0.0.0.0",
                     f"--advertise-address={NODE_IP}", f"--secure-port={API_PORT}", f"--cert-dir={pki}",
                     f"--token-auth-file={pki}/tokens.csv", f"--service-account-key-file={pki}/sa.pub",
                     f"--service-account-signing-key-file={pki}/sa.key",
                     "--service-account-issuer=https://kubernetes.default.svc", "--authorization-mode=RBAC",
                     f"--service-cluster-ip-range={SERVICES}",
                     "--enable-admission-plugins=ResourceQuota,ExtendedResourceToleration", "--allow-privileged=true",
                     "--max-requests-inflight=0", "--max-mutating-requests-inflight=0", "--enable-priority-and-fairness=false")
        self._await(self._ready, "kube-apiserver to be ready")

    def _start_controllers(self):
        config, pki = f"--kubeconfig={self.kubeconfig}", self.folder / "pki"
        self._launch("kube-controller-manager", config, f"--service-account-private-key-file={pki}/sa.key",
                     "--leader-elect=false", f"--root-ca-file={pki}/apiserver.crt", "--node-monitor-grace-period=24h",
                     "--kube-api-qps=1000", "--kube-api-burst=1000", "--concurrent-replicaset-syncs=10",
                     "--min-resync-period=10m")
        self._launch("kube-scheduler", config, "--leader-elect=false", "--kube-api-qps=1000", "--kube-api-burst=1000")
        stages = sorted(pathlib.Path(os.environ["CASTSLICE_STAGES"]).glob("stage-*.yaml"))
        self._launch("kwok", config, *(f"--config={stage}" for stage in stages),
                     "--manage-nodes-with-annotation-selector=kwok.x-k8s.io/node=fake", "--cidr=10.200.0.0/16",
                     "--node-lease-duration-seconds=40")

    def _ready(self):
        with contextlib.suppress(OSError, ApiError, http.client.HTTPException):
            return self.api("GET", "/readyz", text=True) == "ok"

    # ---- the API server ------------------------------------------------------

    def api(self, method, path, body=None, kind="application/json", text=False, keep=False):
        """One request; the decoded answer, or ApiError. `keep` uses this thread's own open connection."""
        connection = self._connection(keep)
        try:
            connection.request(method, path, None if body is None else json.dumps(body),
                               {"Authorization": f"Bearer {TOKEN}", "Content-Type": kind})
            response = connection.getresponse()
            data = response.read()
        finally:
            if not keep:
                connection.close()
        if response.status >= 400:
            raise ApiError(response.status, data.decode(errors="replace"))
        return data.decode() if text else json.loads(data)

    def _connection(self, keep):
        kept = getattr(self.kept, "connection", None) if keep else None
        made = kept or http.client.HTTPSConnection(NODE_IP, API_PORT, context=self.context, timeout=60)
        if keep:
            self.kept.connection = made
        return made

    def get(self, path):
        return self.api("GET", path)

    def exists(self, path):
        try:
            return self.get(path)
        except ApiError as refused:
            if refused.status != 404:
                raise
            return None

    def merge(self, path, change):
        """A JSON merge patch."""
        return self.api("PATCH", path, change, "application/merge-patch+json")

    def kubectl(self, *arguments, stdin=None, check=True):
        """What a user types; objects may be given as `stdin`, a dict or a list of them."""
        if isinstance(stdin, dict):
            stdin = json.dumps(stdin)
        elif isinstance(stdin, list):
            stdin = json.dumps({"apiVersion": "v1", "kind": "List", "items": stdin})
        return run("kubectl", *arguments, stdin=stdin, check=check)

    def apply(self, objects, *flags, check=True):
        return self.kubectl("apply", "-f", "-", *flags, stdin=objects, check=check)

    def delete(self, path):
        with contextlib.suppress(ApiError):
            self.api("DELETE", path)


    # ---- what scenarios create -----------------------------------------------

    def create_namespace(self, name, **labels):
        """A namespace in which Pods can be created: its default service account is there."""
        self.api("POST", "/api/v1/namespaces", {"metadata": {"name": name, "labels": labels}})
        until(lambda: self.exists(f"/api/v1/namespaces/{name}/serviceaccounts/default"), f"service account in {name}")

    def create_gpu_node(self, name, gpus, shares):
        """A node that offers whole GPUs and shares, tainted as GPU nodes are, its Pods run by kwok."""
        room = {"cpu": "1k", "memory": "1Ti", "pods": "10k", "nvidia.com/gpu": str(gpus), "nvidia.com/gpu-shared": str(shares)}
        self.api("POST", "/api/v1/nodes", {
            "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux"},
                         "annotations": {"kwok.x-k8s.io/node": "fake"}},
            "spec": {"taints": [{"key": key, "value": "present", "effect": "NoSchedule"}
                                for key in ("nvidia.com/gpu", "nvidia.com/gpu-shared")]},
            "status": {"capacity": room, "allocatable": room}})
        until(lambda: any(c["type"] == "Ready" and c["status"] == "True" for c in
                          self.get(f"/api/v1/nodes/{name}")["status"].get("conditions", [])), f"{name} to be ready")
        return name

    def pods(self, namespace, **labels):
        """The Pods of a namespace that are not being deleted, oldest first."""
        selector = ",".join(f"{k}={v}" for k, v in labels.items())
        items = self.get(f"/api/v1/namespaces/{namespace}/pods" + (f"?labelSelector={selector}" if selector else ""))["items"]
        return sorted((p for p in items if "deletionTimestamp" not in p["metadata"]),
                      key=lambda p: (p["metadata"]["creationTimestamp"], p["metadata"]["name"]))

    def events(self, namespace, reason):
        """The messages of the events with this reason."""
        return [e["message"] for e in self.get(f"/api/v1/namespaces/{namespace}/events")["items"] if e["reason"] == reason]

    def await_webhooks(self):
        """Until the API server acts on every change to webhook configurations made before this call.

        It hears of them in order. So we change one of our own that refuses Pods of a namespace where nothing
        else happens, and wait until the refusal carries the new name.
        """
        self.marks += 1
        path, mark = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations", f"mark-{self.marks}.e2e.test"
        webhook = {"name": mark, "clientConfig": {"url": "https://127.0.0.1:1/"}, "failurePolicy": "Fail",
                   "sideEffects": "None", "admissionReviewVersions": ["v1"], "timeoutSeconds": 1,
                   "rules": [{"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]}],
                   "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "e2e-mark"}}}
        if self.marks == 1:
            self.create_namespace("e2e-mark")
            self.api("POST", path, {"metadata": {"name": "e2e-mark"}, "webhooks": [webhook]})
        else:
            self.merge(f"{path}/e2e-mark", {"webhooks": [webhook]})
        pod = {"metadata": {"generateName": "mark-"}, "spec": {"containers": [{"name": "c", "image": "i"}]}}

        def heard():
            try:
                self.api("POST", "/api/v1/namespaces/e2e-mark/pods?dryRun=All", pod)
            except ApiError as refused:
                return mark in refused.message
        until(heard, f"the API server to hear of {mark}")


def _answers(port):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
