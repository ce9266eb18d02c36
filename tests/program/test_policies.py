"""Policies of other people, through the running server: what they may say, and what becomes of their mistakes."""
import json
import re

import jsonpatch
import pytest

from harness import ROOT, Server, operations, recorded, review_of, run, until

GPU, SHARED, OPTIMIZE = "nvidia.com/gpu", "nvidia.com/gpu-shared", "castops.io/optimize"


def pod(annotations=None, resources=None, **metadata):
    return {"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": "p", "annotations": {OPTIMIZE: "true"} if annotations is None else annotations,
                         **metadata},
            "spec": {"containers": [
                {"name": "main", "image": "app", "resources": resources or {"limits": {GPU: "1"}, "requests": {GPU: "1"}}},
                {"name": "side", "image": "app", "resources": {"limits": {GPU: "2"}, "requests": {GPU: "2"}}}]}}


@pytest.fixture
def policy(tmp_path):
    """Write a policy and start a server with it: `policy("return function(pod) … end")`."""
    servers = []

    def start(text, *flags):
        (tmp_path / "policy.lua").write_text(text)
        servers.append(Server("--policy", str(tmp_path), *flags))
        return servers[-1]
    yield start
    for server in servers:
        assert server.stop() == 0, server.log()


def limits(response, before):
    after = jsonpatch.apply_patch(before, operations(response))
    for c in after["spec"]["containers"]:
        assert c["resources"]["limits"] == c["resources"]["requests"]
    return [c["resources"]["limits"] for c in after["spec"]["containers"]]


# ---- what they may say -------------------------------------------------------

def test_a_policy_may_enrol_a_pod_without_annotations(policy):
    server = policy('return function(pod) if pod.namespace == "default" then return { ratio = 3, rule = "r" } end end')
    response = server.review(review_of(pod(annotations={})))
    assert limits(response, pod(annotations={})) == [{SHARED: "3"}, {SHARED: "6"}]
    assert response["auditAnnotations"] == {"rule": "r"}
    assert "patch" not in server.review(review_of(pod(annotations={}), namespace="other"))


def test_a_pod_that_opted_out_never_reaches_the_policy(policy):
    server = policy('return function(pod) error("asked") end')
    assert "patch" not in server.review(review_of(pod(annotations={OPTIMIZE: "false"})))
    assert "patch" not in server.review(review_of(pod(resources={"limits": {"cpu": "1"}}, annotations={OPTIMIZE: ""})))
    assert server.metrics()["castslice_noop_total"] == 2


def test_a_pod_with_nothing_to_rewrite_never_reaches_the_policy(policy):
    server = policy('return function(pod) error("asked") end')
    for name in ("mig-pod", "shared-already-pod"):
        assert "patch" not in server.review(recorded(name))


def test_each_container_may_have_its_own(policy):
    server = policy('return function(pod) return { ratio = 4, containers = '
                    '{ main = { ratio = 2, resource = "nvidia.com/mig-1g.5gb" }, side = false, gone = false } } end')
    assert limits(server.review(review_of(pod())), pod()) == [{"nvidia.com/mig-1g.5gb": "2"}, {GPU: "2"}]


def test_a_policy_may_set_another_default_resource(policy):
    server = policy('return { resource = "nvidia.com/gpu.shared", decide = function(pod) return { ratio = 1 } end }')
    response = server.review(review_of(pod()))
    assert limits(response, pod()) == [{"nvidia.com/gpu.shared": "1"}, {"nvidia.com/gpu.shared": "2"}]
    after = jsonpatch.apply_patch(pod(), operations(response))
    assert "patch" not in server.review(review_of(after))


@pytest.mark.parametrize("field, code", [("invalid", 400), ("deny", 403)])
def test_a_refusal_reaches_the_user_word_for_word(policy, field, code):
    server = policy(f'return function(pod) return {{ {field} = "team x has no GPUs left", reason = "cap" }} end')
    response = server.review(review_of(pod()))
    assert response["allowed"] is False and "patch" not in response
    assert response["status"]["code"] == code and response["status"]["message"] == "team x has no GPUs left"
    assert server.metrics()["castslice_errors_total"] == 1


def test_warnings_annotations_and_labels(policy):
    server = policy('return function(pod) return { ratio = 1, warnings = { "first", ("x"):upper() },'
                    ' annotations = { ["example.com/a"] = "1", [pod.name] = "2" }, labels = { tier = "gold" } } end')
    before = pod(labels={"tier": "silver"})
    response = server.review(review_of(before))
    assert response["warnings"] == ["first", "X"]
    after = jsonpatch.apply_patch(before, operations(response))["metadata"]
    assert after["annotations"] == {OPTIMIZE: "true", "example.com/a": "1", "p": "2"}
    assert after["labels"] == {"tier": "silver"}, "a label that is there is never replaced"


def test_a_policy_in_modules(policy, tmp_path):
    (tmp_path / "tiers.lua").write_text("return { default = 5 }")
    server = policy('local tiers = require "tiers"\n'
                    'return function(pod) return { ratio = tiers[pod.namespace] } end')
    assert limits(server.review(review_of(pod())), pod())[0] == {SHARED: "5"}


def limit_range_wrote(*resources):
    """LimitRanger's record of what it wrote into the first container of pod()."""
    names = ", ".join(resources)
    return {OPTIMIZE: "true", "kubernetes.io/limit-ranger":
            f"LimitRanger plugin set: {names} request for container main; {names} limit for container main"}


BOTH = {"limits": {GPU: "1", SHARED: "2"}, "requests": {GPU: "1", SHARED: "2"}}


def test_a_limit_range_that_put_the_source_back_is_named():
    before = pod(annotations=limit_range_wrote("cpu", GPU), resources=BOTH)
    with Server() as server:
        response = server.review(review_of(before))
    assert limits(response, before) == [BOTH["limits"], {SHARED: "2"}]
    assert len(response["warnings"]) == 1 and "LimitRange" in response["warnings"][0]
    assert len(response["warnings"][0]) <= 120


def test_shares_a_limit_range_gave_by_default_are_replaced_by_the_slices():
    before = pod(annotations=limit_range_wrote(SHARED), resources=BOTH)
    with Server() as server:
        response = server.review(review_of(before))
    assert limits(response, before)[0] == {SHARED: "1"} and "warnings" not in response


def test_another_limit_range_is_no_reason_to_warn():
    before = pod(annotations=limit_range_wrote("cpu"), resources=BOTH)
    with Server() as server:
        response = server.review(review_of(before))
    assert limits(response, before)[0] == BOTH["limits"] and "warnings" not in response


def test_a_zero_put_back_by_a_limit_range_is_harmless():
    zero = {"limits": {GPU: "0", SHARED: "2"}, "requests": {GPU: "0", SHARED: "2"}}
    before = pod(annotations=limit_range_wrote(GPU), resources=zero)
    with Server() as server:
        response = server.review(review_of(before))
    assert limits(response, before)[0] == zero["limits"] and "warnings" not in response


# ---- their mistakes ----------------------------------------------------------

MISTAKES = [
    ("raises", 'return function(pod)\n  error("boom")\nend', ":2: boom", "error"),
    ("indexes nil", "return function(pod)\n\n  return pod.owner.kind\nend", ":3: attempt to index", "error"),
    ("raises a table", "return function(pod) error({}) end", ":1: ", "error"),
    ("raises nil", "return function(pod) error() end", ":1: ", "error"),
    ("loops", "return function(pod)\n  while true do end\nend", ":2: the policy used more than its 50 ms", "cpu"),
    ("hoards", "return function(pod)\n  local t = {}\n  while true do t[#t + 1] = { t } end\nend",
     "the policy needed more than its 8 MiB", "memory"),
    ("recurses", "local function f() return 1 + f() end\nreturn f", ":1: stack overflow", None),
    ("returns a number", "return function(pod) return 4 end", "must return a decision", "error"),
    ("returns a typo", "return function(pod) return { ratoi = 4 } end", "did you mean `ratio`?", "error"),
    ("returns text for a ratio", 'return function(pod) return { ratio = "4" } end', "ratio: must be an integer", "error"),
    ("returns NaN", "return function(pod) return { ratio = 0/0 } end", "ratio", "error"),
    ("returns a function", "return function(pod) return { ratio = print } end", "print", "error"),
    ("names no container", "return function(pod) return { containers = { x = { ratio = 1 } } } end",
     "containers.x: the Pod has no container", "error"),
    ("gives the source", f'return function(pod) return {{ ratio = 1, resource = "{GPU}" }} end', "resource: must be", "error"),
    ("writes the Pod", 'return function(pod) pod.name = "x" end', "read-only", "error"),
    ("is not UTF-8", 'return function(pod) return { deny = "\\xff" } end', "UTF-8", "error"),
]


@pytest.mark.parametrize("text, words, reason", [pytest.param(*row[1:], id=row[0]) for row in MISTAKES])
def test_a_mistake_is_http_500_with_file_and_line_and_the_next_review_is_served(policy, tmp_path, text, words, reason):
    # under a sanitizer the CPU budget is spent before the memory is
    server = policy(text, *(["--policy-cpu-ms", "5000"] if reason == "memory" else []))
    connection = server.connect()
    for _ in range(3):
        answer = server.post(review_of(pod()), connection=connection)
        assert answer.status == 500
        status = answer.json()
        assert status["kind"] == "Status" and status["code"] == 500 and status["status"] == "Failure"
        assert status["message"].startswith(str(tmp_path / "policy.lua")) and words in status["message"]
    assert server.post(recorded("mig-pod"), connection=connection).status == 200
    samples = server.metrics()
    assert samples["castslice_errors_total"] == 3 and samples["castslice_requests_total"] == 4
    if reason:
        assert samples[f'castslice_policy_failures_total{{reason="{reason}"}}'] == 3


@pytest.mark.parametrize("text, words", [
    ("return 4", "must return a function"),
    ("return function(", "policy.lua:1:"),
    ("\x1bLua", "compiled Lua"),
    ("return { decide = print }", "print"),
    ("return { decide = function() end, resorce = 'a.b/c' }", "resorce"),
    ("return { decide = function() end, resource = 'nvidia.com/gpu' }", "resource"),
    ("while true do end", "CPU time"),
    ("local s = 'x' while true do s = s .. s end", "policy.lua:1:"),
    ("error('at load')", "policy.lua:1: at load"),
])
def test_a_policy_that_does_not_load_is_refused_at_start(tmp_path, text, words):
    (tmp_path / "policy.lua").write_bytes(text.encode("latin-1"))
    server = Server("--policy", str(tmp_path), ready=False)
    assert server.process.wait(30) == 2
    server.reader.join()
    assert words in server.logged("cannot start")["error"]
    status, stdout, stderr = run("review", "--policy", tmp_path, "tests/reviews/ollama-inference.json")
    assert (status, stdout) == (2, "") and words in stderr


# ---- the same engine for files -----------------------------------------------

def test_a_manifest_is_shown_to_the_policy_as_the_api_server_would_send_it(tmp_path):
    (tmp_path / "policy.lua").write_text(
        'return function(pod) local r = pod.object.spec.containers[1].resources.requests\n'
        'return { ratio = 2, reason = r["nvidia.com/gpu"] .. " " .. r.cpu .. " " .. r.memory } end')
    manifest = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "annotations": {OPTIMIZE: "true"}},
                "spec": {"containers": [{"name": "main", "resources": {"limits": {GPU: "1", "cpu": "2", "memory": "1Gi"},
                                                                       "requests": {"memory": "512Mi"}}}]}}
    status, stdout, stderr = run("review", "-o", "json", "--policy", tmp_path, "-", stdin=json.dumps(manifest))
    assert (status, stderr) == (0, "")
    answer = json.loads(stdout)
    assert answer["reason"] == "1 2 512Mi"
    after = jsonpatch.apply_patch(manifest, answer["patch"])["spec"]["containers"][0]["resources"]
    assert after == {"limits": {SHARED: "2", "cpu": "2", "memory": "1Gi"}, "requests": {SHARED: "2", "memory": "512Mi"}}


# ---- what the README shows ---------------------------------------------------

def test_the_policy_of_the_readme_does_what_the_readme_says(tmp_path):
    [policy] = re.findall(r"```lua\n(.*?)```", (ROOT / "README.md").read_text(), re.S)
    (tmp_path / "policy.lua").write_text(policy)
    for flags in ([], ["--policy", tmp_path], ["--policy", ROOT / "policies/default"]):
        status, stdout, _ = run("review", "-o", "json", *flags, ROOT / "docs/ollama.yaml")
        assert status == 0 and json.loads(stdout)["slices"] == {"ollama": 2}
    status, stdout, _ = run("review", "-o", "json", "--policy", tmp_path, ROOT / "tests/reviews/denied-type-pod.json")
    assert status == 1 and json.loads(stdout)["message"] == 'unknown workload-type: "gaming"'


def test_editing_a_preset_changes_what_a_pod_gets(tmp_path):
    """What docs/policies.md opens with."""
    text = (ROOT / "policies/default/policy.lua").read_text()
    (tmp_path / "policy.lua").write_text(re.sub(r"inference = \d+", "inference = 8", text))
    status, stdout, _ = run("review", "-o", "json", "--policy", tmp_path, ROOT / "docs/ollama.yaml")
    assert status == 0 and json.loads(stdout)["slices"] == {"ollama": 8}


# ---- what is too large -------------------------------------------------------

def test_a_pod_too_large_to_patch_is_413_and_nobodys_failure():
    one = {"name": "c", "resources": {"limits": {GPU: "1"}}}
    before = {"metadata": {"annotations": {OPTIMIZE: "true"}}, "spec": {"containers": [one] * 60_000}}
    with Server() as server:
        answer = server.post(review_of(before))
        assert answer.status == 413 and "does not fit" in answer.json()["message"]
        samples = server.metrics()
        assert samples["castslice_errors_total"] == samples["castslice_requests_total"] == 1
        assert samples['castslice_policy_failures_total{reason="internal"}'] == 0


def test_a_policy_that_failed_often_is_told_of_when_it_stops(policy):
    server = policy('local function inner() error("boom") end\nreturn function(pod) inner() end')
    for _ in range(30):
        assert server.post(review_of(pod())).status == 500
    failed = server.logged("failed")
    assert failed["error"].endswith("policy.lua:1: boom")
    assert re.fullmatch(r".*policy\.lua:1 < .*policy\.lua:2", failed["trace"])
    server.logged("suppressed", 20)
