"""Thousands of Pods while the servers are restarted in turn: every one is mutated, none refused, none half-patched."""
import concurrent.futures
import threading

from cluster import ApiError, until
from workloads import gpus_of, optimized, shares, shares_of, template

PODS, BURST = 2000, 50


def test_two_thousand_pods_under_rolling_restarts(castslice, namespace, cluster):
    body = {"metadata": {"generateName": "p-", **template(annotations=optimized(workload_type="training"))["metadata"]},
            "spec": template()["spec"]}
    refused, restarts, over = [], 0, threading.Event()

    def create(_):
        try:
            cluster.api("POST", f"/api/v1/namespaces/{namespace}/pods", body)
        except ApiError as error:
            refused.append(str(error))

    def bursts():
        with concurrent.futures.ThreadPoolExecutor(BURST) as pool:
            for _ in range(PODS // BURST):
                list(pool.map(create, range(BURST)))
        over.set()

    creator = threading.Thread(target=bursts)
    creator.start()
    while not over.is_set():
        castslice.restart(leave_terminating=True)
        restarts += 1
    creator.join()

    stored = cluster.pods(namespace)
    kinds = {"shared": 0, "whole": 0, "half": 0}
    for pod in stored:
        whole, shared = gpus_of(pod), shares_of(pod)
        kinds["shared" if not whole and shared == shares(main=4) else "whole" if not shared else "half"] += 1
    print(f"\n{len(stored)} Pods stored under {restarts} rolling restarts: {kinds}, {len(refused)} refused")
    assert not refused and kinds == {"shared": PODS, "whole": 0, "half": 0}
    assert restarts >= 2
    cluster.api("DELETE", f"/api/v1/namespaces/{namespace}/pods?gracePeriodSeconds=0")
    until(lambda: not cluster.pods(namespace), "the Pods to go")
