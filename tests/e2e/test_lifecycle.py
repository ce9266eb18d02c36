"""What happens to Pods and workloads over time: dry runs, changes, other webhooks, a new policy, and goodbye."""
import base64
import re

from cluster import ROOT, run, until
from installation import WEBHOOK
from other_webhook import OtherWebhook
from workloads import container, gpus_of, optimized, pod, shares, shares_of, template, workload


def stored(cluster, namespace, name):
    return cluster.get(f"/api/v1/namespaces/{namespace}/pods/{name}")


def test_a_server_side_dry_run_shows_the_slices_and_stores_nothing(castslice, namespace, cluster):
    shown = cluster.apply(pod("p", annotations=optimized(slice_ratio="5")), "-n", namespace, "--dry-run=server", "-o",
                          "jsonpath={.items[*].spec.containers[0].resources}{.spec.containers[0].resources}").stdout
    assert '"nvidia.com/gpu-shared":"5"' in shown and '"nvidia.com/gpu"' not in shown
    assert cluster.pods(namespace) == []


def test_a_changed_deployment_rolls_out_with_the_new_ratio(castslice, namespace, gpu_node, cluster):
    for ratio in ("2", "6"):
        cluster.apply(workload("Deployment", "w", template(annotations=optimized(slice_ratio=ratio)), replicas=2), "-n", namespace)

        def rolled_out():
            return [shares_of(p) for p in cluster.pods(namespace)] == [shares(main=ratio)] * 2
        until(rolled_out, f"two Pods with {ratio} shares")
    unchanged = cluster.apply(workload("Deployment", "w", template(annotations=optimized(slice_ratio="6")), replicas=2), "-n", namespace)
    assert unchanged.stdout.strip() == "deployment.apps/w unchanged"


def test_scaling_makes_pods_like_the_first(castslice, namespace, gpu_node, cluster):
    cluster.apply(workload("Deployment", "w", template(annotations=optimized(workload_type="inference"))), "-n", namespace)
    cluster.kubectl("scale", "deployment/w", "--replicas=5", "-n", namespace)
    until(lambda: len(cluster.pods(namespace)) == 5, "five Pods")
    assert [shares_of(p) for p in cluster.pods(namespace)] == [shares(main=2)] * 5


def test_applying_a_bare_pod_again_is_refused_and_replacing_it_works(castslice, namespace, cluster):
    manifest = pod("p", annotations=optimized(slice_ratio="3"))
    cluster.apply(manifest, "-n", namespace)
    again = cluster.apply(manifest, "-n", namespace, check=False)
    assert again.returncode == 1 and "spec: Forbidden: pod updates may not change fields" in again.stderr
    cluster.kubectl("replace", "--force", "-n", namespace, "-f", "-", stdin=manifest)
    assert shares_of(stored(cluster, namespace, "p")) == shares(main=3)


def test_a_gpu_that_a_later_webhook_injects_is_shared_too(castslice, namespace, cluster):
    with OtherWebhook(cluster, "zz-injector", inject=container("injected", gpus=2)):
        before = castslice.metrics()["castslice_requests_total"]
        cluster.apply(pod("p", annotations=optimized(slice_ratio="3")), "-n", namespace)
        assert shares_of(stored(cluster, namespace, "p")) == shares(main=3, injected=6)
        assert castslice.metrics()["castslice_requests_total"] - before == 2        # asked, and asked again


def test_a_gpu_injected_into_a_pod_that_had_none_is_not_seen(castslice, namespace, cluster):
    """The API server asks again only who was asked at first; the docs say so."""
    with OtherWebhook(cluster, "zz-injector", inject=container("injected", gpus=2)):
        cluster.apply(pod("p", container(gpus=0), annotations=optimized(slice_ratio="3")), "-n", namespace)
        assert gpus_of(stored(cluster, namespace, "p")) == {"injected": ("2", "2")}


def test_a_gpu_that_an_earlier_webhook_injects_is_shared(castslice, namespace, cluster):
    with OtherWebhook(cluster, "aa-injector", inject=container("injected", gpus=2)):
        cluster.apply(pod("p", container(gpus=0), annotations=optimized(slice_ratio="3")), "-n", namespace)
        assert shares_of(stored(cluster, namespace, "p")) == shares(injected=6)


def test_an_edited_policy_changes_the_preset_of_a_new_pod(castslice, namespace, cluster):
    policy = (ROOT / "policies/default/policy.lua").read_text()
    edited = re.sub(r"inference = 2", "inference = 7", policy)
    assert edited != policy
    cluster.apply(pod("before", annotations=optimized(workload_type="inference")), "-n", namespace)
    castslice.set_policy(policy_lua=edited)
    cluster.apply(pod("after", annotations=optimized(workload_type="inference")), "-n", namespace)
    assert shares_of(stored(cluster, namespace, "before")) == shares(main=2)
    assert shares_of(stored(cluster, namespace, "after")) == shares(main=7)


def test_a_renewed_certificate_is_taken_over_and_one_for_another_service_is_not(castslice, namespace, cluster, tmp_path):
    for service in ("cast-slice-webhook", "somebody-else"):
        run(castslice.program, "certificate", "--service", service, "--output", tmp_path / service)
    client = cluster.get(WEBHOOK)["webhooks"][0]["clientConfig"]
    both = castslice.ca_bundle() + (tmp_path / "cast-slice-webhook/ca.crt").read_bytes()
    castslice.set_webhook(clientConfig={**client, "caBundle": base64.b64encode(both).decode()}, failurePolicy="Fail")
    for service, taken, refused in (("cast-slice-webhook", 2, 0), ("somebody-else", 0, 2)):
        before = castslice.certificate_reloads()
        castslice.set_certificate(tmp_path / service)
        assert castslice.certificate_reloads() == [before[0] + taken, before[1] + refused]
        cluster.apply(pod(service, annotations=optimized(slice_ratio="5")), "-n", namespace)
        assert shares_of(stored(cluster, namespace, service)) == shares(main=5)
    for replica in castslice.kubelet.running():
        line, = (l for l in replica.log.read_text().splitlines() if "certificate not reloaded" in l)
        assert "/etc/cast-slice/tls/tls.crt" in line and "cast-slice-webhook.cast-slice.svc" in line
    mounted = cluster.kubectl("get", "-n", "cast-slice", "secret/cast-slice-tls", "mutatingwebhookconfiguration/cast-slice",
                              "-o", "yaml").stdout
    told = run(castslice.program, "certificate", "inspect", "-", stdin=mounted, check=False)
    assert told.returncode == 1 and "it is not for cast-slice-webhook.cast-slice.svc" in told.stdout
    assert "none of the certificates in the caBundle of webhook cast-slice.castops.io signed it" in told.stdout
