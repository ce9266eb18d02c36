"""The commands of the docs, run as they stand there."""
import os
import re
import subprocess


from cluster import ROOT
from installation import DEPLOYMENT, POLICY, WEBHOOK
from workloads import gpus_of, optimized, pod


def blocks(file):
    """(the section, the commands, what they print) of every ```sh block; what they print is the ```text block that follows."""
    text = (ROOT / "docs" / file).read_text()
    found = re.findall(r"^## ([^\n]*)$|^```sh\n(.*?)^```$(?:\n```text\n(.*?)^```$)?", text, re.S | re.M)
    section = ""
    for heading, commands, printed in found:
        section = heading or section
        if commands:
            yield section, commands, printed


def shell(commands, **env):
    done = subprocess.run(["bash", "-ec", commands], capture_output=True, text=True, timeout=120, cwd=ROOT,
                          env={**os.environ, **env})
    assert done.returncode == 0, f"{commands}\n{done.stdout}{done.stderr}"
    return done.stdout


def test_local_testing_prints_what_it_says(castslice, gpu_node, cluster):
    ran = 0
    try:
        for section, commands, printed in blocks("local-testing.md"):
            assert shell(commands, NODE="host-1") == printed.replace("node/NODE", "node/host-1"), f"{section}: {commands}"
            ran += 1
    finally:
        cluster.delete("/api/v1/nodes/gpu-mock")        # or Pods of other scenarios might go there
        gone = {"nvidia.com/gpu": None, "nvidia.com/gpu-shared": None}
        cluster.merge("/api/v1/nodes/host-1/status", {"status": {"capacity": gone, "allocatable": gone}})
    assert ran >= 7


def test_the_installed_certificate_is_inspected_as_the_page_says(castslice):
    commands, = (commands for section, commands, _ in blocks("certificate.md") if section == "What is wrong with one")
    files, objects = commands.strip().splitlines()
    assert "kubectl get" in objects and "kubectl" not in files
    printed = shell(objects, PATH=f"{os.path.dirname(castslice.program)}:{os.environ['PATH']}")
    assert printed.endswith("the API server accepts it for cast-slice-webhook.cast-slice.svc\n") and "not looked at" not in printed


def test_uninstalling_in_the_documented_order_never_blocks_a_pod(castslice, namespace, cluster):
    castslice.set_webhook(failurePolicy="Fail")
    uninstall, = (commands for section, commands, _ in blocks("install.md") if section == "Uninstall")
    lines = uninstall.strip().splitlines()
    assert len(lines) == 2
    created = 0
    for line in lines:
        shell(line)
        for _ in range(3):
            cluster.apply(pod(f"p{created}", annotations=optimized()), "-n", namespace)
            created += 1
    cluster.await_webhooks()
    cluster.apply(pod("last", annotations=optimized()), "-n", namespace)
    assert gpus_of(cluster.get(f"/api/v1/namespaces/{namespace}/pods/last")) == {"main": ("1", "1")}
    for path in (WEBHOOK, DEPLOYMENT, POLICY):
        assert cluster.exists(path) is None
    castslice.apply()           # and installing again works
    cluster.apply(pod("again", annotations=optimized()), "-n", namespace)
    assert gpus_of(cluster.get(f"/api/v1/namespaces/{namespace}/pods/again")) == {}
