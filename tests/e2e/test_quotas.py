"""Quotas and LimitRanges on the old and on the new name: what an operator must know before renaming a resource."""
import pytest

from cluster import until
from workloads import gpus_of, optimized, pod, shares, shares_of

GPU, SHARED = "nvidia.com/gpu", "nvidia.com/gpu-shared"


def quota(cluster, namespace, **hard):
    cluster.apply({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q"},
                   "spec": {"hard": {f"requests.{name}": str(count) for name, count in hard.items()}}}, "-n", namespace)
    path = f"/api/v1/namespaces/{namespace}/resourcequotas/q"
    until(lambda: cluster.get(path).get("status", {}).get("hard") == {f"requests.{n}": str(c) for n, c in hard.items()} and
          len(cluster.get(path)["status"].get("used", {})) == len(hard), "the quota to count")


def limit_range(cluster, namespace, **item):
    """In force once the API server gives its default to a Pod without resources, or refuses a tiny one."""
    cluster.apply({"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "l"}, "spec": {"limits": [item]}}, "-n", namespace)


def create(cluster, namespace, name, ratio, check=True):
    done = cluster.apply(pod(name, annotations=optimized(slice_ratio=str(ratio))), "-n", namespace, check=check)
    return done, cluster.exists(f"/api/v1/namespaces/{namespace}/pods/{name}")


def test_a_quota_on_the_old_name_does_not_count_shares(castslice, namespace, cluster):
    quota(cluster, namespace, **{GPU: 0})
    _, stored = create(cluster, namespace, "shared", 3)
    assert shares_of(stored) == shares(main=3)
    refused = cluster.apply(pod("whole"), "-n", namespace, check=False)
    assert "exceeded quota: q, requested: requests.nvidia.com/gpu=1" in refused.stderr


def test_a_quota_on_the_new_name_counts_slices(castslice, namespace, cluster):
    quota(cluster, namespace, **{SHARED: 4})
    create(cluster, namespace, "first", 3)
    refused, stored = create(cluster, namespace, "second", 2, check=False)
    assert stored is None
    assert ("exceeded quota: q, requested: requests.nvidia.com/gpu-shared=2, used: requests.nvidia.com/gpu-shared=3, "
            "limited: requests.nvidia.com/gpu-shared=4") in refused.stderr


def test_the_new_name_is_tolerated_without_anybody_writing_it(castslice, namespace, gpu_node, cluster):
    _, stored = create(cluster, namespace, "p", 2)
    keys = [t["key"] for t in stored["spec"]["tolerations"] if t.get("operator") == "Exists" and t["effect"] == "NoSchedule"]
    assert sorted(keys) == [GPU, SHARED]
    until(lambda: cluster.get(f"/api/v1/namespaces/{namespace}/pods/p")["spec"].get("nodeName") == gpu_node, "the tainted node")


def test_a_limit_range_on_the_source_puts_it_back(castslice, namespace, cluster):
    limit_range(cluster, namespace, type="Container", max={GPU: "4"})

    def both():
        name = f"p{len(cluster.pods(namespace))}"
        done, stored = create(cluster, namespace, name, 3)
        return gpus_of(stored) == {"main": ("4", "4")} and shares_of(stored) == shares(main=3) and done.stderr
    warning = until(both, "a Pod with both, as the API server makes it")
    assert warning.strip() == ("Warning: a LimitRange put nvidia.com/gpu back beside its slices; "
                               "let it name the shared resource")


def test_a_limit_range_on_the_source_of_a_pod_refuses_it(castslice, namespace, cluster):
    limit_range(cluster, namespace, type="Pod", max={GPU: "4"})

    def refused():
        return create(cluster, namespace, f"p{len(cluster.pods(namespace))}", 3, check=False)[0].stderr
    assert "maximum nvidia.com/gpu usage per Pod is 4.  No limit is specified" in until(refused, "a refusal")


@pytest.mark.parametrize("default", [{}, {"default": {SHARED: "0"}}], ids=["max", "max and a default of 0"])
def test_a_limit_range_moved_to_the_target_holds(castslice, namespace, cluster, default):
    limit_range(cluster, namespace, type="Container", max={SHARED: "4"}, **default)

    def refused():
        return create(cluster, namespace, f"p{len(cluster.pods(namespace))}", 9, check=False)[0].stderr
    assert "maximum nvidia.com/gpu-shared usage per Container is 4, but limit is 9" in until(refused, "a refusal")
    _, stored = create(cluster, namespace, "fits", 3)
    assert shares_of(stored) == shares(main=3) and gpus_of(stored) == {}
