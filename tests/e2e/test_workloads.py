"""Every kind of workload: what is stored, next to the same workload where the webhook is not asked."""
import json
import re

import pytest

from cluster import until
from workloads import container, gpus_of, optimized, pod, shares, shares_of, template, workload

KINDS = ["Pod", "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "CronJob"]
EXCLUDED = "gpu-operator"           # webhook.yaml leaves this namespace out

RICH = template(
    container("main", gpus=2, env=[{"name": "A", "value": "1"}], command=["run"], args=["--x"],
              resources={"limits": {"cpu": "2", "memory": "1Gi", "nvidia.com/gpu": 2}, "requests": {"cpu": "500m"}},
              volumeMounts=[{"name": "scratch", "mountPath": "/scratch"}],
              readinessProbe={"httpGet": {"path": "/", "port": 80}}, securityContext={"runAsUser": 7}),
    container("helper", gpus=0),
    initContainers=[container("prepare", gpus=1), container("sidecar", gpus=1, restartPolicy="Always")],
    annotations={**optimized(slice_ratio="3"), "example.org/note": "ünchanged \"quotes\" ~1"}, labels={"tier": "gold"},
    volumes=[{"name": "scratch", "emptyDir": {}}], nodeSelector={"kubernetes.io/hostname": "gpu-1"},
    tolerations=[{"operator": "Exists", "effect": "NoSchedule"}], terminationGracePeriodSeconds=5)
SLICES = shares(main=6, prepare=3, sidecar=3)


@pytest.fixture(scope="module")
def stored(installation, gpu_node, cluster):
    """By kind: the Pod with the webhook, and its twin without."""
    cluster.create_namespace("workloads")
    cluster.create_namespace(EXCLUDED)
    made = {}
    for kind in KINDS:
        twins = []
        for namespace in ("workloads", EXCLUDED):
            cluster.kubectl("create", "-n", namespace, "-f", "-", stdin=workload(kind, kind.lower(), RICH))
            if kind == "CronJob":       # it missed a run, so the controller starts one now
                cluster.merge(f"/apis/batch/v1/namespaces/{namespace}/cronjobs/cronjob/status",
                              {"status": {"lastScheduleTime": "2020-01-01T00:00:00Z"}})
            twins.append(until(lambda: _pod_of(cluster, namespace, kind), f"the Pod of {kind} in {namespace}", 60))
        made[kind] = twins
    yield made
    for namespace in ("workloads", EXCLUDED):
        cluster.delete(f"/api/v1/namespaces/{namespace}")


def _pod_of(cluster, namespace, kind):
    """Its Pod once it is bound and runs, or has run."""
    for found in cluster.pods(namespace):
        mine = re.match(rf"{kind.lower()}($|-)", found["metadata"]["name"])
        if mine and found["status"]["phase"] in ("Running", "Succeeded"):
            return found


def essence(pod):
    """A stored Pod without what the API server and the controllers make up for each."""
    metadata = {k: v for k, v in pod["metadata"].items()
                if k not in ("uid", "resourceVersion", "creationTimestamp", "managedFields")}
    spec = {k: v for k, v in pod["spec"].items() if k != "nodeName"}
    text = json.dumps({"metadata": metadata, "spec": spec}, sort_keys=True)
    owner = pod["metadata"].get("ownerReferences", [{}])[0]
    for made_up, name in [(pod["metadata"]["name"], "POD"), (owner.get("uid"), "OWNER-UID"), (owner.get("name"), "OWNER"),
                          (pod["metadata"]["namespace"], "NAMESPACE")]:
        text = text.replace(f'"{made_up}"', f'"{name}"').replace(f'"{made_up}-"', f'"{name}-"')
    return json.loads(re.sub(r"kube-api-access-[a-z0-9]+", "kube-api-access", text))


def rewritten(pod):
    """The essence of a Pod with whole GPUs as it must be once it is shared, three slices for each GPU."""
    pod = json.loads(json.dumps(pod))
    for c in pod["spec"]["initContainers"] + pod["spec"]["containers"]:
        for amounts in c["resources"].values():
            if "nvidia.com/gpu" in amounts:
                amounts["nvidia.com/gpu-shared"] = str(3 * int(amounts.pop("nvidia.com/gpu")))
    return pod


def without_tolerations(pod):
    return {**pod, "spec": {k: v for k, v in pod["spec"].items() if k != "tolerations"}}


@pytest.mark.parametrize("kind", KINDS)
def test_the_stored_pod_has_slices_and_differs_in_nothing_else(stored, kind):
    with_us, without = stored[kind]
    assert shares_of(with_us) == SLICES and gpus_of(with_us) == {}
    assert gpus_of(without) == {"main": ("2", "2"), "prepare": ("1", "1"), "sidecar": ("1", "1")}
    assert without_tolerations(essence(with_us)) == without_tolerations(rewritten(essence(without)))


@pytest.mark.parametrize("kind", KINDS)
def test_the_only_toleration_it_gains_is_the_targets(stored, kind):
    with_us, without = (p["spec"]["tolerations"] for p in stored[kind])
    assert [t for t in without if t not in with_us] == []
    assert [t for t in with_us if t not in without] == [
        {"key": "nvidia.com/gpu-shared", "operator": "Exists", "effect": "NoSchedule"}]


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_bound_to_the_node_with_shares_and_runs(stored, kind):
    with_us, _ = stored[kind]
    assert with_us["spec"]["nodeName"] == "gpu-1" and with_us["status"]["phase"] in ("Running", "Succeeded")


def test_a_workload_without_the_annotation_keeps_whole_gpus(castslice, namespace, gpu_node, cluster):
    cluster.apply(workload("Deployment", "plain", template(container(gpus=2))), "-n", namespace)
    stored = until(lambda: cluster.pods(namespace), "its Pod")[0]
    assert gpus_of(stored) == {"main": ("2", "2")} and shares_of(stored) == {}


@pytest.mark.parametrize("value", ["True", "yes", "1", "", "true ", "false"])
def test_nothing_but_true_opts_in(castslice, namespace, cluster, value):
    annotations = {**optimized(slice_ratio="4"), "castops.io/optimize": value}
    cluster.apply(pod("not-in", annotations=annotations), "-n", namespace)
    stored, = cluster.pods(namespace)
    assert gpus_of(stored) == {"main": ("1", "1")} and shares_of(stored) == {}


@pytest.mark.parametrize("place", ["main", "prepare", "sidecar"])
def test_gpus_are_found_wherever_they_are_asked_for(castslice, namespace, cluster, place):
    """Each alone: the webhook's matchConditions have to see it too."""
    containers = {name: container(name, gpus=int(name == place)) for name in ("main", "prepare", "sidecar")}
    containers["sidecar"]["restartPolicy"] = "Always"
    cluster.apply(pod("one", containers["main"], annotations=optimized(workload_type="training"),
                      initContainers=[containers["prepare"], containers["sidecar"]]), "-n", namespace)
    stored, = cluster.pods(namespace)
    assert shares_of(stored) == shares(**{place: 4}) and gpus_of(stored) == {}


def test_when_shares_are_exhausted_the_pod_waits_and_the_scheduler_names_them(castslice, namespace, cluster, gpu_node):
    small = {"kubernetes.io/hostname": cluster.create_gpu_node("gpu-small", gpus=2, shares=4)}
    for name in ("first", "second"):
        cluster.apply(pod(name, annotations=optimized(workload_type="training"), nodeSelector=small), "-n", namespace)
    path = f"/api/v1/namespaces/{namespace}/pods/second"
    until(lambda: cluster.get(path)["status"].get("conditions"), "the scheduler's word on the second Pod")
    condition, = cluster.get(path)["status"]["conditions"]
    assert (condition["type"], condition["status"], condition["reason"]) == ("PodScheduled", "False", "Unschedulable")
    assert "1 Insufficient nvidia.com/gpu-shared" in condition["message"]
    assert cluster.get(f"/api/v1/namespaces/{namespace}/pods/first")["spec"]["nodeName"] == "gpu-small"
    cluster.delete("/api/v1/nodes/gpu-small")


def test_pods_without_gpus_never_reach_the_webhook(castslice, namespace, cluster):
    before = castslice.metrics()["castslice_requests_total"]
    cluster.apply(pod("cpu", container(gpus=0), annotations=optimized()), "-n", namespace)
    cluster.apply(pod("gpu", annotations=optimized()), "-n", namespace)
    assert castslice.metrics()["castslice_requests_total"] - before == 1      # and a mutated Pod makes one call, not two


def test_replicas_of_the_webhook_stand_on_different_nodes(castslice, cluster):
    assert sorted(p["spec"]["nodeName"] for p in cluster.pods("cast-slice")) == ["host-1", "host-2"]
