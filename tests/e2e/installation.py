"""CastSlice in the cluster, installed as docs/install.md says, and what a scenario may do to it."""
import base64
import json
import signal
import time

from cluster import ROOT, run, until
from node import Kubelet, Services, start_network

NAMESPACE = "cast-slice"
DEPLOYMENT = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/cast-slice"
POLICY = f"/api/v1/namespaces/{NAMESPACE}/configmaps/cast-slice-policy"
SECRET = f"/api/v1/namespaces/{NAMESPACE}/secrets/cast-slice-tls"
WEBHOOK = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/cast-slice"


class Installation:
    def __init__(self, cluster, program):
        self.cluster, self.program, self.stopped = cluster, program, []
        self.services = Services(cluster, NAMESPACE)
        self.kubelet = Kubelet(cluster, self.services, NAMESPACE, program)

    # ---- life cycle ----------------------------------------------------------

    def install(self):
        start_network()
        self.services.start()
        self.kubelet.start()
        self.apply()
        return self

    def apply(self):
        """deploy/install.yaml unchanged, but for the caBundle that `castslice certificate` fills in."""
        made = run(self.program, "certificate", "--patch", ROOT / "deploy/install.yaml").stdout
        self.cluster.kubectl("apply", "--server-side", "-f", "-", stdin=made)
        self.await_rollout()
        self.cluster.await_webhooks()
        self.original = {path: self.cluster.get(path) for path in (DEPLOYMENT, POLICY, SECRET, WEBHOOK)}

    def stop(self):
        self.kubelet.stop()
        self.services.stop()

    def restore(self):
        """Undo whatever a scenario changed, and wait until it shows."""
        for pod in self.stopped:
            pod.process.send_signal(signal.SIGCONT)
        if self.stopped:
            self.stopped = []
            self.await_rollout()
        changed = [path for path, was in self.original.items() if not _same(self.cluster.exists(path), was)]
        if not changed:
            return
        before = self.digests()
        for path in changed:
            self._put(path, self.original[path])
        if changed == [POLICY]:
            self.await_policy(before)
        self.await_rollout()
        self.original[DEPLOYMENT] = self.cluster.get(DEPLOYMENT)
        self.cluster.await_webhooks()

    def _put(self, path, object):
        """Make it as it was, whether it was changed or deleted."""
        now = self.cluster.exists(path)
        keep = {k: v for k, v in object["metadata"].items() if k in ("name", "namespace", "labels", "annotations")}
        was = {**{k: v for k, v in object.items() if k != "status"}, "metadata": keep}
        if now:
            keep["resourceVersion"] = now["metadata"]["resourceVersion"]
            self.cluster.api("PUT", path, was)
        else:
            self.cluster.api("POST", path.rpartition("/")[0], was)

    # ---- what scenarios do ---------------------------------------------------

    def await_rollout(self, leave_terminating=False, seconds=60):
        """Until every replica is ready, the Service sends to just these, and those before them have ended."""
        def done():
            deployment = self.cluster.get(DEPLOYMENT)
            status, wanted = deployment.get("status", {}), deployment["spec"]["replicas"]
            return (status.get("observedGeneration") == deployment["metadata"]["generation"] and
                    status.get("updatedReplicas", 0) == status.get("availableReplicas", 0) == wanted ==
                    status.get("replicas", 0) and
                    len(self.services.backends_of("cast-slice-webhook", 443)) == wanted and
                    (leave_terminating or len(self.kubelet.pods) == wanted))
        until(done, self.explain, seconds)

    def explain(self):
        pods = self.cluster.kubectl("get", "pods", "-n", NAMESPACE, "-o", "wide", check=False).stdout
        logs = "\n".join(f"{p.name}: {p.last_log()}" for p in self.kubelet.pods.values())
        return f"CastSlice to be rolled out\n{pods}\n{logs}\nkubelet: {self.kubelet.failure}"

    def restart(self, leave_terminating=False):
        """As `kubectl rollout restart` does it."""
        now = time.strftime("%Y-%m-%dT%H:%M:%S") + f".{time.time_ns()}"
        self.cluster.merge(DEPLOYMENT, {"spec": {"template": {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": now}}}}})
        self.await_rollout(leave_terminating)

    def scale(self, replicas):
        self.cluster.merge(DEPLOYMENT, {"spec": {"replicas": replicas}})
        self.await_rollout()

    def hang(self):
        """Every replica stands still, its port open, until restore()."""
        self.stopped = self.kubelet.running()
        for pod in self.stopped:
            pod.process.send_signal(signal.SIGSTOP)

    def set_policy(self, **files):
        """Edit the ConfigMap, `set_policy(policy_lua="…")`, and wait until every replica has taken it over."""
        before = self.digests()
        self.cluster.merge(POLICY, {"data": {name.replace("_", "."): text for name, text in files.items()}})
        self.await_policy(before)

    def set_certificate(self, folder):
        """Put the pair that `castslice certificate --output` made into the Secret, and wait until every replica has judged it."""
        before = self.certificate_reloads()
        files = {name: base64.b64encode((folder / name).read_bytes()).decode() for name in ("ca.crt", "tls.crt", "tls.key")}
        self.cluster.merge(SECRET, {"data": files})
        until(lambda: sum(self.certificate_reloads()) == sum(before) + len(self.kubelet.running()),
              "every replica to look at the new certificate")

    def certificate_reloads(self):
        """Of all replicas: how many certificates were taken over, and how many refused."""
        samples = self.metrics()
        return [samples[f'castslice_certificate_reloads_total{{result="{r}"}}'] for r in ("success", "failure")]

    def digests(self):
        """Of the bundle each replica serves."""
        return {name for pod in self.kubelet.running() for name in pod.metrics() if name.startswith("castslice_policy_info")}

    def await_policy(self, before):
        until(lambda: len(self.digests()) == 1 and not self.digests() & before, "every replica to take the new policy over")

    def set_webhook(self, **fields):
        """Change fields of the webhook: `set_webhook(failurePolicy="Fail")`. The API server takes a moment to hear of it."""
        webhook = {**self.cluster.get(WEBHOOK)["webhooks"][0], **fields}
        self.cluster.merge(WEBHOOK, {"webhooks": [webhook]})
        self.cluster.await_webhooks()

    def metrics(self):
        """The samples of all replicas, added up."""
        total = {}
        for pod in self.kubelet.running():
            for name, value in pod.metrics().items():
                total[name] = total.get(name, 0) + value
        return total

    def ca_bundle(self):
        return base64.b64decode(self.cluster.get(WEBHOOK)["webhooks"][0]["clientConfig"]["caBundle"])


def _same(now, was):
    def essence(o):
        o = {k: v for k, v in (o or {}).items() if k not in ("status", "metadata")}
        return json.dumps(o, sort_keys=True)
    return now is not None and essence(now) == essence(was)
