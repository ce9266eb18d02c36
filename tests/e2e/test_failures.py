"""When CastSlice cannot answer, the cluster's failurePolicy decides: Ignore creates the Pod as it is, Fail refuses it."""
import time

import pytest

from cluster import until
from workloads import gpus_of, optimized, pod

WHOLE = {"main": ("1", "1")}
BROKEN = 'return function(pod)\n  return pod.owner.kind\nend'
OUR_SENTENCE = "/etc/cast-slice/policy/policy.lua:2: attempt to index a nil value (field 'owner')"


def broken_policy(castslice):
    castslice.set_policy(policy_lua=BROKEN)


def stopped(castslice):
    castslice.scale(0)


def hanging(castslice):
    castslice.hang()


FAULTS = {"policy error": (broken_policy, OUR_SENTENCE), "stopped server": (stopped, "connection refused"),
          "hanging server": (hanging, "context deadline exceeded")}


@pytest.mark.parametrize("fault", FAULTS)
def test_under_ignore_the_pod_is_created_unchanged_and_under_fail_refused(castslice, namespace, cluster, fault):
    bring_about, sentence = FAULTS[fault]
    castslice.set_webhook(timeoutSeconds=1)
    bring_about(castslice)
    cluster.apply(pod("ignored", annotations=optimized(workload_type="training")), "-n", namespace)
    stored = cluster.get(f"/api/v1/namespaces/{namespace}/pods/ignored")
    assert gpus_of(stored) == WHOLE
    castslice.set_webhook(timeoutSeconds=1, failurePolicy="Fail")
    refused = cluster.apply(pod("refused", annotations=optimized(workload_type="training")), "-n", namespace, check=False)
    assert refused.returncode == 1 and 'failed calling webhook "cast-slice.castops.io"' in refused.stderr
    assert sentence in refused.stderr
    cluster.apply(pod("cpu", {"name": "c", "image": "i"}), "-n", namespace)      # no GPU, no call, no harm


def test_under_fail_everything_works_while_castslice_does(castslice, namespace, cluster):
    castslice.set_webhook(failurePolicy="Fail")
    cluster.apply(pod("p", annotations=optimized()), "-n", namespace)
    assert gpus_of(cluster.get(f"/api/v1/namespaces/{namespace}/pods/p")) == {}
