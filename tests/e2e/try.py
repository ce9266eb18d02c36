"""`tests/e2e/run try MANIFEST…`: apply manifests as a user would and show what became of their Pods.
`tests/e2e/run shell`: a shell with kubectl in the same cluster."""
import os
import pathlib
import subprocess
import sys
import time

from cluster import Cluster
from installation import Installation
from workloads import gpus_of, shares_of


def describe(cluster, namespace):
    for pod in cluster.pods(namespace):
        print(f"{pod['metadata']['name']:40} {pod['status']['phase']:10} {pod['spec'].get('nodeName', '-'):8} "
              f"whole {gpus_of(pod)}  shares {shares_of(pod)}")
    events = cluster.get(f"/api/v1/namespaces/{namespace}/events")["items"]
    for event in events:
        if event["type"] == "Warning":
            print(f"  {event['involvedObject']['kind']}/{event['involvedObject']['name']}: {event['reason']}: {event['message']}")


def settle(cluster, namespace, seconds=10):
    """Wait until no Pod changed its phase for a second, or `seconds` have passed."""
    seen, since, end = None, time.monotonic(), time.monotonic() + seconds
    while time.monotonic() < min(since + 1, end):
        now = [(p["metadata"]["name"], p["status"]["phase"]) for p in cluster.pods(namespace)]
        if now != seen:
            seen, since = now, time.monotonic()
        time.sleep(0.1)


def main(command, *files):
    cluster = Cluster(pathlib.Path(os.environ["CASTSLICE_E2E_DIR"]) / "logs")
    installation = Installation(cluster, os.environ["CASTSLICE"])
    try:
        print("starting a control plane …", file=sys.stderr)
        cluster.start()
        installation.install()
        cluster.create_gpu_node("gpu-1", gpus=8, shares=32)
        if command == "shell":
            return subprocess.run([os.environ.get("SHELL", "bash")]).returncode
        for file in files:
            done = cluster.kubectl("apply", "-f", file, check=False)
            print(done.stdout + done.stderr, end="")
        for namespace in [n["metadata"]["name"] for n in cluster.get("/api/v1/namespaces")["items"]]:
            if namespace not in ("cast-slice", "e2e-mark"):
                settle(cluster, namespace)
                describe(cluster, namespace)
        return 0
    finally:
        installation.stop()
        cluster.stop()


if __name__ == "__main__":
    if len(sys.argv) < 2 or (sys.argv[1] == "try" and len(sys.argv) < 3):
        sys.exit("usage: tests/e2e/run try MANIFEST… | tests/e2e/run shell")
    sys.exit(main(*sys.argv[1:]))
