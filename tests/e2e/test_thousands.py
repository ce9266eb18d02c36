"""Thousands of Pods while the servers are restarted in turn: every one is mutated, none refused, none half-patched."""
import concurrent.futures
import threading

from cluster import ApiError, until
from workloads import gpus_of, optimized, shares, shares_of, template

PODS, BURST, RESTARTS, MOST = 2000, 25, 1, 4000


def test_two_thousand_pods_under_rolling_restarts(castslice, namespace, cluster):
    body = {"metadata": {"generateName": "p-", **template(annotations=optimized(workload_type="training"))["metadata"]},
            "spec": template()["spec"]}
    refused, restarted = [], threading.Event()

    def create(_):
        try:
            cluster.api("POST", f"/api/v1/namespaces/{namespace}/pods", body, keep=True)
        except ApiError as error:
            refused.append(str(error))

    def delete(pod):
        cluster.api("DELETE", f"/api/v1/namespaces/{namespace}/pods/{pod['metadata']['name']}?gracePeriodSeconds=0", keep=True)

    def bursts():
        """At least PODS, and on until the last restart is over."""
        count = 0
        with concurrent.futures.ThreadPoolExecutor(BURST) as pool:
            while count < PODS or not restarted.is_set() and count < MOST:
                list(pool.map(create, range(BURST)))
                count += BURST
        return count

    with concurrent.futures.ThreadPoolExecutor(1) as creator:
        created = creator.submit(bursts)
        try:
            for _ in range(RESTARTS):
                castslice.restart(leave_terminating=True)
        finally:
            restarted.set()
        created = created.result()

    kinds = {"shared": 0, "whole": 0, "half": 0}
    pods = cluster.pods(namespace)
    for pod in pods:
        whole, shared = gpus_of(pod), shares_of(pod)
        kinds["shared" if not whole and shared == shares(main=4) else "whole" if not shared else "half"] += 1
    print(f"\n{created} Pods in bursts of {BURST} under {RESTARTS} rolling restarts: {kinds}, {len(refused)} refused")
    assert not refused and kinds == {"shared": created, "whole": 0, "half": 0}
    with concurrent.futures.ThreadPoolExecutor(BURST) as pool:      # all at once may take longer than a request lives
        list(pool.map(delete, pods))
    until(lambda: not cluster.pods(namespace), "the Pods to go")
