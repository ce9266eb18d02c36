"""The machine a cluster runs on, played faithfully enough for the Pods of the webhook itself.

* `Kubelet` runs the Pods of one namespace for real: every Pod gets a network namespace with its podIP, its
  ConfigMaps and Secrets as volumes laid out as kubelet does it (`..data`), and the container's own arguments,
  user and read-only root file system. It probes readiness, tells the API server, and stops what is deleted.
* `Services` is kube-proxy: it listens on every ClusterIP of the namespace and forwards connections to the
  ready endpoints, as the API server lists them.

Other Pods live on kwok's nodes, where nothing runs.
"""
import asyncio
import base64
import contextlib
import http.client
import os
import pathlib
import re
import shutil
import signal
import subprocess
import threading
import time

from cluster import ApiError, run, until

BRIDGE = "10.244.0.1/16"
PROGRAM_IN_IMAGE = "/usr/bin/castslice"


def start_network():
    run("ip", "link", "add", "cni0", "type", "bridge")
    run("ip", "addr", "add", BRIDGE, "dev", "cni0")
    run("ip", "link", "set", "cni0", "up")


# ---- volumes -----------------------------------------------------------------

class Volume:
    """A ConfigMap or Secret as kubelet mounts it: files behind `..data`, swapped by one rename."""

    def __init__(self, folder, group):
        self.folder, self.group, self.files = folder, group, None
        folder.mkdir(parents=True)

    def write(self, files, mode):
        """Put these files (name: bytes) in place, all at once; True when that changed anything."""
        if files == self.files:
            return False
        version = self.folder / f"..{time.time_ns()}"
        version.mkdir()
        for name, content in files.items():
            (version / name).write_bytes(content)
            os.chown(version / name, 0, self.group)
            os.chmod(version / name, mode | (0o440 if self.group else 0))
        old = self.folder / "..data"
        before = os.readlink(old) if old.is_symlink() else None
        new = self.folder / "..data_tmp"
        new.symlink_to(version.name)
        new.rename(old)
        for name in files:
            if not (self.folder / name).is_symlink():
                (self.folder / name).symlink_to(f"..data/{name}")
        for name in (self.files or {}).keys() - files.keys():
            (self.folder / name).unlink()
        if before:
            shutil.rmtree(self.folder / before)
        self.files = dict(files)
        return True


# ---- one Pod -----------------------------------------------------------------

class PodProcess:
    """One Pod of the webhook, really running."""

    def __init__(self, cluster, pod, address, image):
        self.cluster, self.pod, self.address, self.image = cluster, pod, address, image
        self.name = pod["metadata"]["name"]
        self.path = f"/api/v1/namespaces/{pod['metadata']['namespace']}/pods/{self.name}"
        self.folder = cluster.folder / "pods" / self.name
        self.log = cluster.folder / f"{self.name}.log"
        self.container = pod["spec"]["containers"][0]
        self.volumes, self.process, self.ready, self.stopping = {}, None, False, False

    # -- volumes

    def _source(self, volume):
        """The files of a volume, (name: bytes, mode); None while its object does not exist."""
        namespace = self.pod["metadata"]["namespace"]
        if "secret" in volume:
            found = self.cluster.exists(f"/api/v1/namespaces/{namespace}/secrets/{volume['secret']['secretName']}")
            files = {k: base64.b64decode(v) for k, v in (found or {}).get("data", {}).items()}
            return found and (files, volume["secret"].get("defaultMode", 0o644))
        found = self.cluster.exists(f"/api/v1/namespaces/{namespace}/configmaps/{volume['configMap']['name']}")
        files = {k: v.encode() for k, v in (found or {}).get("data", {}).items()}
        return found and (files, volume["configMap"].get("defaultMode", 0o644))

    def sync_volumes(self):
        """Bring every volume up to date; False while one has nothing to show yet."""
        complete = True
        for volume in self.pod["spec"].get("volumes", []):
            source = self._source(volume)
            optional = volume.get("secret", volume.get("configMap")).get("optional", False)
            complete = complete and bool(source or optional)
            if volume["name"] not in self.volumes:
                group = self.pod["spec"].get("securityContext", {}).get("fsGroup", 0)
                self.volumes[volume["name"]] = Volume(self.folder / volume["name"], group)
            if source:
                self.volumes[volume["name"]].write(*source)
        return complete

    # -- life

    def start(self):
        run("ip", "netns", "add", self.name)
        link = f"v{self.address.replace('10.244.', '').replace('.', '-')}"
        run("ip", "link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", self.name)
        run("ip", "link", "set", link, "master", "cni0", "up")
        for command in (["addr", "add", f"{self.address}/16", "dev", "eth0"], ["link", "set", "eth0", "up"],
                        ["link", "set", "lo", "up"], ["route", "add", "default", "via", BRIDGE.partition("/")[0]]):
            run("ip", "-n", self.name, *command)
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self._command(), stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                                            env={"PATH": os.environ["PATH"], **self._environment()})

    def _environment(self):
        known = {"metadata.namespace": self.pod["metadata"]["namespace"], "metadata.name": self.name,
                 "status.podIP": self.address}
        return {e["name"]: e["value"] if "value" in e else known[e["valueFrom"]["fieldRef"]["fieldPath"]]
                for e in self.container.get("env", [])}

    def _command(self):
        """The container: its root file system read-only, its volumes in place, its user, no privileges."""
        security = {**self.pod["spec"].get("securityContext", {}), **self.container.get("securityContext", {})}
        root = self.folder / "root"
        root.mkdir(exist_ok=True)
        script = [f"mount --bind {self.image} {root}"]
        for mount in self.container.get("volumeMounts", []):
            source, target = self.volumes[mount["name"]].folder, f"{root}{mount['mountPath']}"
            (self.image / mount["mountPath"].lstrip("/")).mkdir(parents=True, exist_ok=True)
            script += [f"mount --bind {source} {target}", f"mount -o remount,bind,ro {target}"]
        if security.get("readOnlyRootFilesystem"):
            script.append(f"mount -o remount,bind,ro {root}")
        script.append(f'exec setpriv --no-new-privs --bounding-set=-all,+setuid,+setgid,+sys_chroot chroot '
                      f'--userspec={security["runAsUser"]}:{security["runAsGroup"]} --groups={security.get("fsGroup", "")} '
                      f'{root} "$@"')
        return ["ip", "netns", "exec", self.name, "unshare", "--mount", "--propagation", "private", "bash", "-ec",
                "\n".join(script), "pod", PROGRAM_IN_IMAGE, *self.container.get("args", ["serve"])]

    def probe(self):
        """What the readiness probe says."""
        check = self.container["readinessProbe"]["httpGet"]
        port = next((p["containerPort"] for p in self.container["ports"] if p["name"] == check["port"]), check["port"])
        with contextlib.suppress(OSError, http.client.HTTPException):
            connection = http.client.HTTPConnection(self.address, port, timeout=2)
            with contextlib.closing(connection):
                connection.request("GET", check["path"])
                return connection.getresponse().status == 200
        return False

    def report(self, ready):
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        word = "True" if ready else "False"
        conditions = [{"type": kind, "status": value, "lastTransitionTime": now} for kind, value in
                      [("PodScheduled", "True"), ("Initialized", "True"), ("ContainersReady", word), ("Ready", word)]]
        with contextlib.suppress(ApiError):     # the Pod may be gone
            self.cluster.merge(self.path + "/status", {"status": {
                "phase": "Running", "podIP": self.address, "podIPs": [{"ip": self.address}], "conditions": conditions,
                "containerStatuses": [{"name": self.container["name"], "image": self.container["image"], "imageID": "",
                                       "ready": ready, "started": True, "restartCount": 0,
                                       "state": {"running": {"startedAt": now}}}]}})
        self.ready = ready

    def metrics(self):
        """Every sample of its /metrics by name, labels included."""
        connection = http.client.HTTPConnection(self.address, 8080, timeout=5)
        with contextlib.closing(connection):
            connection.request("GET", "/metrics")
            lines = connection.getresponse().read().decode().splitlines()
        return {name: float(value) for name, _, value in (l.rpartition(" ") for l in lines if l and l[0] != "#")}

    def ended(self):
        return self.process is not None and self.process.poll() is not None

    def remove(self):
        """Free what the Pod had, and tell the API server that it is gone."""
        run("ip", "netns", "delete", self.name, check=False)
        shutil.rmtree(self.folder, ignore_errors=True)
        with contextlib.suppress(ApiError):
            self.cluster.api("DELETE", self.path, {"gracePeriodSeconds": 0,
                                                   "preconditions": {"uid": self.pod["metadata"]["uid"]}})

    def last_log(self, count=5):
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return "\n".join(lines[-count:])


# ---- kubelet -----------------------------------------------------------------

class Kubelet:
    """Runs the Pods of `namespace` that the scheduler put on our nodes."""

    def __init__(self, cluster, services, namespace, program, nodes=("host-1", "host-2")):
        self.cluster, self.services, self.namespace, self.nodes = cluster, services, namespace, nodes
        self.pods, self.next_address, self.over, self.failure = {}, 10, threading.Event(), None
        self.image = _image(cluster.folder / "image", program)
        self.thread = threading.Thread(target=self._loop, daemon=True)

    def start(self):
        for node in self.nodes:
            self.cluster.api("POST", "/api/v1/nodes", {
                "metadata": {"name": node, "labels": {"kubernetes.io/hostname": node}},
                "status": {"capacity": {"cpu": "4", "memory": "8Gi", "pods": "110"},
                           "allocatable": {"cpu": "4", "memory": "8Gi", "pods": "110"},
                           "conditions": [{"type": "Ready", "status": "True"}]}})
            until(lambda: not self.cluster.get(f"/api/v1/nodes/{node}")["spec"].get("taints"), f"{node} to be ready")
        self.thread.start()
        return self

    def stop(self):
        self.over.set()
        self.thread.join()
        for pod in self.pods.values():
            if pod.process:
                pod.process.kill()
                pod.process.wait()

    def _loop(self):
        while not self.over.wait(0.1):
            try:
                self._sync()
            except (ApiError, OSError, AssertionError) as failure:      # the API server may be restarting; told by until()
                self.failure = failure

    def _sync(self):
        listed = {p["metadata"]["uid"]: p for p in self.cluster.get(f"/api/v1/namespaces/{self.namespace}/pods")["items"]
                  if p["spec"].get("nodeName") in self.nodes}
        for uid, pod in listed.items():
            if uid not in self.pods:
                self.pods[uid] = PodProcess(self.cluster, pod, self._address(), self.image)
            self.pods[uid].pod = pod
        for uid, running in list(self.pods.items()):
            if uid not in listed or "deletionTimestamp" in listed[uid]["metadata"]:
                self._end(uid, running)
            else:
                self._advance(running)

    def _address(self):
        self.next_address += 1
        return f"10.244.{self.next_address // 250}.{self.next_address % 250 + 2}"

    def _advance(self, pod):
        complete = pod.sync_volumes()
        if pod.process is None and complete:
            pod.start()
        if pod.process is not None:
            ready = not pod.ended() and pod.probe()
            if ready != pod.ready:
                pod.report(ready)

    def _end(self, uid, pod):
        """SIGTERM once no Service sends it anything new; forget it when it has ended."""
        if pod.process is not None and not pod.stopping and not self.services.routes_to(pod.address):
            pod.process.send_signal(signal.SIGTERM)
            pod.stopping = True
        if pod.process is None or pod.ended():
            pod.remove()
            del self.pods[uid]

    def running(self):
        return [p for p in self.pods.values() if p.process and not p.ended()]


def _image(root, program):
    """A root file system with the program and its shared libraries, nothing else."""
    libraries = set(re.findall(r"(/\S+) \(0x", run("ldd", program).stdout))
    for file in libraries | {program}:
        target = root / (PROGRAM_IN_IMAGE if file == program else file).lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, target)
    return root


# ---- kube-proxy --------------------------------------------------------------

class Services:
    """Forwards what reaches a ClusterIP of `namespace` to the ready endpoints, one connection after the other."""

    def __init__(self, cluster, namespace):
        self.cluster, self.namespace = cluster, namespace
        self.backends, self.listeners, self.turn = {}, {}, 0
        self.over = threading.Event()
        self.loop = asyncio.new_event_loop()
        self.threads = [threading.Thread(target=self.loop.run_forever, daemon=True),
                        threading.Thread(target=self._follow, daemon=True)]

    def start(self):
        for thread in self.threads:
            thread.start()
        return self

    def stop(self):
        self.over.set()
        self.threads[1].join()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.threads[0].join()

    def routes_to(self, address):
        return any(address == host for backends in self.backends.values() for host, _ in backends)

    def backends_of(self, service, port):
        """The (podIP, port) it sends to now."""
        address = self.cluster.get(f"/api/v1/namespaces/{self.namespace}/services/{service}")["spec"]["clusterIP"]
        return self.backends.get((address, port), [])

    def _follow(self):
        while not self.over.wait(0.05):
            with contextlib.suppress(ApiError, OSError, http.client.HTTPException):
                wanted = self._wanted()
                asyncio.run_coroutine_threadsafe(self._listen(wanted), self.loop).result(10)

    def _wanted(self):
        """(ClusterIP, port): [(podIP, port), …] of every Service, from its EndpointSlices."""
        base, wanted = f"/namespaces/{self.namespace}", {}
        slices = self.cluster.get(f"/apis/discovery.k8s.io/v1{base}/endpointslices")["items"]
        for service in self.cluster.get(f"/api/v1{base}/services")["items"]:
            mine = [s for s in slices if s["metadata"]["labels"]["kubernetes.io/service-name"] == service["metadata"]["name"]]
            for port in service["spec"]["ports"]:
                wanted[service["spec"]["clusterIP"], port["port"]] = [
                    (address, p["port"]) for s in mine for p in s["ports"] or [] if p.get("name", "") == port.get("name", "")
                    for e in s["endpoints"] or [] if e["conditions"].get("ready") for address in e["addresses"]]
        return wanted

    async def _listen(self, wanted):
        """A Service without endpoints refuses connections, as kube-proxy makes it."""
        for key in [k for k in self.listeners if not wanted.get(k)]:
            self.listeners.pop(key).close()
        for key, backends in wanted.items():
            if backends and key not in self.listeners:
                run("ip", "addr", "add", f"{key[0]}/32", "dev", "lo", check=False)
                self.listeners[key] = await asyncio.start_server(
                    lambda r, w, key=key: self._forward(key, r, w), *key, backlog=512)
        self.backends = wanted

    async def _forward(self, key, reader, writer):
        self.turn += 1
        backends = self.backends.get(key) or []
        for host, port in backends[self.turn % len(backends):] + backends[:self.turn % len(backends)] if backends else []:
            with contextlib.suppress(OSError):
                back_reader, back_writer = await asyncio.wait_for(asyncio.open_connection(host, port), 1)
                await asyncio.gather(_copy(reader, back_writer), _copy(back_reader, writer))
                return
        writer.close()


async def _copy(reader, writer):
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    with contextlib.suppress(OSError):
        writer.close()
