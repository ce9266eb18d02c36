"""What its user reads when a Pod is refused: the policy's sentence, word for word, although failurePolicy is Ignore."""
import pytest

from cluster import until
from workloads import container, optimized, pod, template, workload

DENIED = 'admission webhook "cast-slice.castops.io" denied the request: '
REFUSALS = {
    "ratio": (optimized(slice_ratio="0"), 'castops.io/slice-ratio: "0" is not a whole number from 1 to 1024'),
    "type": (optimized(workload_type="huge"),
             'castops.io/workload-type: "huge" is not one of batch, dev, inference, training'),
}
FORBIDS = 'return function(pod) return { deny = "team budget is spent until Monday; ask #gpu" } end'


@pytest.mark.parametrize("name", REFUSALS)
def test_a_bare_pod_in_kubectls_output(castslice, namespace, cluster, name):
    annotations, sentence = REFUSALS[name]
    refused = cluster.apply(pod("p", annotations=annotations), "-n", namespace, check=False)
    assert refused.returncode == 1
    assert refused.stderr.strip() == ('Error from server (BadRequest): error when creating "STDIN": ' + DENIED + sentence)
    assert cluster.pods(namespace) == []


@pytest.mark.parametrize("kind", ["Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job"])
def test_a_workload_in_its_failed_create_event(castslice, namespace, gpu_node, cluster, kind):
    annotations, sentence = REFUSALS["type"]
    made = template(annotations=annotations, tolerations=[{"operator": "Exists"}])
    accepted = cluster.apply(workload(kind, "w", made), "-n", namespace)
    assert "created" in accepted.stdout                 # the workload itself is not what we refuse
    event = until(lambda: cluster.events(namespace, "FailedCreate"), "its FailedCreate event")[0]
    prefix = "Create Pod w-0 in StatefulSet w failed error: " if kind == "StatefulSet" else "Error creating: "
    assert event == prefix + DENIED + sentence


def test_a_deployment_in_its_replica_failure_condition(castslice, namespace, cluster):
    annotations, sentence = REFUSALS["ratio"]
    cluster.apply(workload("Deployment", "w", template(annotations=annotations)), "-n", namespace)
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments/w"

    def failure():
        return [c for c in cluster.get(path).get("status", {}).get("conditions", []) if c["type"] == "ReplicaFailure"]
    condition, = until(failure, "the ReplicaFailure condition")
    assert (condition["status"], condition["reason"]) == ("True", "FailedCreate")
    assert condition["message"] == DENIED + sentence


def test_what_policy_forbids_is_forbidden(castslice, namespace, cluster):
    castslice.set_policy(policy_lua=FORBIDS)
    refused = cluster.apply(pod("p", annotations=optimized()), "-n", namespace, check=False)
    assert refused.stderr.strip() == ('Error from server (Forbidden): error when creating "STDIN": ' + DENIED +
                                      "team budget is spent until Monday; ask #gpu")


def test_warnings_reach_kubectl(castslice, namespace, cluster):
    castslice.set_policy(policy_lua='return function(pod) return { ratio = 2, warnings = { "two of four shares are gone" } } end')
    created = cluster.apply(pod("p", annotations=optimized()), "-n", namespace)
    assert created.stderr.strip() == "Warning: two of four shares are gone"


def test_a_pod_that_fails_validation_is_refused_by_the_api_server_alone(castslice, namespace, cluster):
    half = container(resources={"limits": {"nvidia.com/gpu": "500m"}})
    refused = cluster.apply(pod("p", half, annotations=optimized()), "-n", namespace, check=False)
    assert "must be an integer" in refused.stderr and "admission webhook" not in refused.stderr
