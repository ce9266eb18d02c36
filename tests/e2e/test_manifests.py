"""What users apply, looked at by the tools and the API server users apply it to."""
import json
import re

import pytest
import yaml

from cluster import ROOT, run, until
from installation import DEPLOYMENT, WEBHOOK
from workloads import gpus_of, optimized, pod

DEPLOY = ROOT / "deploy"
OVERLAYS = ["base", "opt-in-only", "fail-closed"]


def built(name):
    return run("kubectl", "kustomize", DEPLOY / name).stdout


def documents(text):
    return [d for d in yaml.safe_load_all(text) if d]


@pytest.fixture(scope="module")
def schemas(cluster, tmp_path_factory):
    """JSON schemas for kubeconform, made from what this API server says of itself; no key it does not know."""
    folder = tmp_path_factory.mktemp("schemas")
    spec = cluster.get("/openapi/v2")["definitions"]

    def closed(node):
        if isinstance(node, dict):
            node = {k: closed(v) for k, v in node.items()}
            if "properties" in node:
                node.setdefault("additionalProperties", False)
        return [closed(v) for v in node] if isinstance(node, list) else node
    definitions = closed(spec)
    definitions["io.k8s.apimachinery.pkg.api.resource.Quantity"] = {"type": ["string", "number"]}
    definitions["io.k8s.apimachinery.pkg.util.intstr.IntOrString"] = {"type": ["string", "integer"]}
    for name, definition in definitions.items():
        for kind in definition.get("x-kubernetes-group-version-kind", []):
            file = "-".join(part for part in (kind["kind"], kind["group"].partition(".")[0], kind["version"]) if part)
            (folder / f"{file.lower()}.json").write_text(json.dumps({"$ref": f"definitions.json#/definitions/{name}"}))
    text = json.dumps({"definitions": definitions}).replace('"#/definitions/', '"definitions.json#/definitions/')
    (folder / "definitions.json").write_text(text)
    return folder


def kubeconform(schemas, *files, stdin=None):
    location = f"{schemas}/{{{{.ResourceKind}}}}{{{{.KindSuffix}}}}.json"
    return run("kubeconform", "-strict", "-summary", "-schema-location", location, *files, stdin=stdin, check=False)


MANIFESTS = sorted(f for f in [*DEPLOY.rglob("*.yaml"), *(ROOT / "docs").glob("*.yaml")]
                   if f.name not in ("kustomization.yaml", "certificate.yaml") and "apiVersion:" in f.read_text())


@pytest.mark.parametrize("file", MANIFESTS, ids=lambda f: str(f.relative_to(ROOT)))
def test_kubeconform_accepts_every_manifest(schemas, file):
    done = kubeconform(schemas, file)
    assert done.returncode == 0 and ", Invalid: 0, Errors: 0, Skipped: 0" in done.stdout, done.stdout + done.stderr


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_kubeconform_accepts_what_each_overlay_builds(schemas, overlay):
    done = kubeconform(schemas, stdin=built(overlay))
    assert done.returncode == 0 and ", Invalid: 0, Errors: 0, Skipped: 0" in done.stdout, done.stdout + done.stderr


def test_kubeconform_would_find_a_typo(schemas):
    done = kubeconform(schemas, stdin=built("base").replace("failurePolicy:", "failurePolicies:"))
    assert done.returncode == 1 and "failurePolicies" in done.stdout


def test_install_yaml_is_what_the_base_builds():
    assert documents((DEPLOY / "install.yaml").read_text()) == documents(built("base"))


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_api_server_accepts_it_without_a_warning(castslice, cluster, overlay):
    done = cluster.kubectl("apply", "--server-side", "--force-conflicts", "--dry-run=server", "-f", "-", stdin=built(overlay))
    assert done.stderr == "" and done.stdout.count("serverside-applied (server dry run)") == len(documents(built(overlay)))


def test_the_pods_pass_the_restricted_level(castslice, cluster):
    assert cluster.get("/api/v1/namespaces/cast-slice")["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    assert len(cluster.pods("cast-slice")) == 2
    privileged = documents(built("base"))
    deployment, = (d for d in privileged if d["kind"] == "Deployment")
    deployment["spec"]["template"]["spec"]["containers"][0]["securityContext"]["capabilities"] = {"drop": []}
    warned = cluster.apply(deployment, "--server-side", "--force-conflicts", "--dry-run=server")
    assert "would violate PodSecurity \"restricted" in warned.stderr         # so the level is in force


def test_the_service_account_may_do_nothing(castslice, cluster):
    may = cluster.kubectl("auth", "can-i", "--list", "--as=system:serviceaccount:cast-slice:cast-slice", "--no-headers").stdout
    beyond = [l for l in may.splitlines() if not re.search(r"selfsubject|/api|/healthz|/livez|/readyz|/openapi|/openid|/version|\.well-known", l)]
    assert beyond == []
    for pod in cluster.pods("cast-slice"):
        assert [v["name"] for v in pod["spec"]["volumes"]] == ["tls", "policy"]      # no token


def test_every_replica_has_the_promised_identity(castslice):
    for pod in castslice.kubelet.running():
        status = open(f"/proc/{pod.process.pid}/status").read()
        assert re.search(r"^Uid:\t65532\t65532\t65532\t65532$", status, re.M)
        assert re.search(r"^CapEff:\t0+$", status, re.M) and re.search(r"^NoNewPrivs:\t1$", status, re.M)
        mounts = [line.split() for line in open(f"/proc/{pod.process.pid}/mountinfo")]
        for place in ("/", "/etc/cast-slice/tls", "/etc/cast-slice/policy"):
            assert ["ro" in m[5].split(",") for m in mounts if m[4] == place] == [True], place


def test_replicas_prefer_different_nodes_and_zones(castslice, cluster):
    affinity = cluster.get(DEPLOYMENT)["spec"]["template"]["spec"]["affinity"]["podAntiAffinity"]
    terms = [t["podAffinityTerm"] for t in affinity["preferredDuringSchedulingIgnoredDuringExecution"]]
    assert [t["topologyKey"] for t in terms] == ["kubernetes.io/hostname", "topology.kubernetes.io/zone"]
    for term in terms:
        wanted = ",".join(f"{k}={v}" for k, v in term["labelSelector"]["matchLabels"].items())
        assert len(cluster.kubectl("get", "pods", "-n", "cast-slice", "-l", wanted, "-o", "name").stdout.split()) == 2


def test_the_metrics_service_is_found_by_prometheus(castslice, cluster):
    service = cluster.get("/api/v1/namespaces/cast-slice/services/cast-slice-metrics")
    assert service["metadata"]["annotations"] == {**service["metadata"]["annotations"], "prometheus.io/scrape": "true",
                                                  "prometheus.io/port": "8080", "prometheus.io/path": "/metrics"}
    assert [(p["port"], p["targetPort"]) for p in service["spec"]["ports"]] == [(8080, "metrics")]


def test_opt_in_only_sends_nothing_but_opted_in_pods(castslice, namespace, cluster):
    webhook, = (d for d in documents(built("opt-in-only")) if d["kind"] == "MutatingWebhookConfiguration")
    castslice.set_webhook(matchConditions=webhook["webhooks"][0]["matchConditions"], failurePolicy="Fail")
    before = castslice.metrics()["castslice_requests_total"]
    for name, annotations in (("none", None), ("other", {"a": "b"}), ("off", {"castops.io/optimize": "false"})):
        made = pod(name, annotations=annotations)
        if annotations is None:
            del made["metadata"]["annotations"]
        cluster.kubectl("create", "-n", namespace, "-f", "-", stdin=made)
        assert gpus_of(cluster.get(f"/api/v1/namespaces/{namespace}/pods/{name}"))
    assert castslice.metrics()["castslice_requests_total"] == before
    cluster.apply(pod("on", annotations=optimized()), "-n", namespace)
    assert castslice.metrics()["castslice_requests_total"] == before + 1


def test_the_webhook_is_as_narrow_as_the_good_practices_want(castslice, cluster):
    webhook, = cluster.get(WEBHOOK)["webhooks"]
    assert webhook["rules"] == [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"],
                                 "scope": "Namespaced"}]
    assert (webhook["failurePolicy"], webhook["timeoutSeconds"], webhook["sideEffects"]) == ("Ignore", 3, "None")
    assert (webhook["matchPolicy"], webhook["reinvocationPolicy"]) == ("Equivalent", "IfNeeded")
    assert webhook["namespaceSelector"]["matchExpressions"][0]["values"] == [
        "kube-system", "cast-slice", "gpu-operator", "nvidia-gpu-operator", "gpu-operator-resources"]


def test_the_budget_lets_one_replica_go_and_not_two(castslice, cluster):
    budget = "/apis/policy/v1/namespaces/cast-slice/poddisruptionbudgets/cast-slice"
    status = until(lambda: cluster.get(budget).get("status"), "the budget to count")
    assert (status["expectedPods"], status["desiredHealthy"], status["disruptionsAllowed"]) == (2, 1, 1)
