"""A bundle with rules: policy.json, through the real server and `castslice review`."""
import json
import re

import jsonpatch
import pytest

from harness import ROOT, Server, review_of, run
from test_policies import operations

OPTIMIZE, RATIO, TYPE = "castops.io/optimize", "castops.io/slice-ratio", "castops.io/workload-type"
GPU, SHARED = "nvidia.com/gpu", "nvidia.com/gpu-shared"


def container(name="main", gpus=1):
    return {"name": name, "image": "x", "resources": {"limits": {GPU: str(gpus)}, "requests": {GPU: str(gpus)}}}


def pod(annotations=None, labels=None, containers=None, owner=None, **spec):
    metadata = {"name": "p", "annotations": annotations or {}, "labels": labels or {}}
    if owner:
        metadata["ownerReferences"] = [{"apiVersion": "apps/v1", "kind": owner, "name": "o", "uid": "u", "controller": True}]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata,
            "spec": {"containers": containers or [container()], **spec}}


@pytest.fixture
def review(tmp_path):
    """review(RULES, POD, namespace=…): the object that `castslice review -o json` prints."""
    def ask(rules, manifest, namespace="default", **top):
        (tmp_path / "policy.json").write_text(json.dumps({"rules": rules, **top}))
        status, stdout, stderr = run("review", "-o", "json", "--namespace", namespace, "--policy", tmp_path, "-",
                                     stdin=json.dumps(manifest))
        assert status in (0, 1) and stderr == "", stderr
        answer = json.loads(stdout)
        answer["resources"] = [c["resources"]["limits"] for c in
                               jsonpatch.apply_patch(manifest, answer["patch"])["spec"]["containers"]]
        return answer
    return ask


# ---- the original's file ------------------------------------------------------

V04 = """{
  "rules": [
    {
      "namespaces": ["ml-team", "research"],
      "labelSelector": { "app": "trainer" },
      "workloadType": "training"
    },
    {
      "namespaces": ["ml-team"],
      "workloadType": "inference",
      "sliceRatio": 8
    },
    {
      "labelSelector": { "gpu-share": "yes", "tier": "dev" },
      "workloadType": "dev"
    },
    { "namespaces": ["sandbox"], "labelSelector": {}, "sliceRatio": 3 }
  ]
}
"""


def test_a_file_of_the_original_works_unchanged_and_alone(tmp_path):
    (tmp_path / "policy.json").write_text(V04)
    cases = [
        ("ml-team", {"app": "trainer"}, None, 4, "rules[0]"), ("research", {"app": "trainer"}, None, 4, "rules[0]"),
        ("ml-team", {"app": "web"}, None, 8, "rules[1]"), ("research", {"app": "web"}, None, None, None),
        ("any", {"gpu-share": "yes", "tier": "dev"}, None, 1, "rules[2]"), ("any", {"gpu-share": "yes"}, None, None, None),
        ("sandbox", {}, None, 3, "rules[3]"), ("default", {}, None, None, None),
        ("default", {}, {OPTIMIZE: "true"}, 1, None),
        ("sandbox", {}, {OPTIMIZE: "true"}, 3, "rules[3]"),
        ("sandbox", {}, {OPTIMIZE: "true", RATIO: "6"}, 6, "rules[3]"),
        ("sandbox", {}, {OPTIMIZE: "true", TYPE: "training"}, 4, "rules[3]"),
        ("sandbox", {}, {RATIO: "6"}, 6, "rules[3]"),
        ("sandbox", {}, {OPTIMIZE: "false"}, None, None), ("sandbox", {}, {OPTIMIZE: ""}, None, None),
    ]
    enforced = 0
    with Server("--policy", str(tmp_path)) as server:
        assert server.metrics()["castslice_policy_enforced_total"] == 0
        for namespace, labels, annotations, slices, rule in cases:
            before = pod(annotations, labels)
            response = server.review(review_of(before, namespace=namespace))
            assert response["allowed"] is True
            after = jsonpatch.apply_patch(before, operations(response) if slices else [])
            assert after["spec"]["containers"][0]["resources"]["limits"] == ({SHARED: str(slices)} if slices else {GPU: "1"})
            assert ("patch" in response) == bool(slices)
            assert response.get("auditAnnotations", {}).get("rule") == rule
            enforced += bool(slices) and (annotations or {}).get(OPTIMIZE) != "true"
            assert server.metrics()["castslice_policy_enforced_total"] == enforced
        samples = server.metrics()
        assert samples["castslice_errors_total"] == 0 and samples["castslice_requests_total"] == len(cases)


def test_a_policy_of_ones_own_that_enrols_is_counted_too(tmp_path):
    (tmp_path / "policy.lua").write_text("return function() return { ratio = 2 } end")
    with Server("--policy", str(tmp_path)) as server:
        server.review(review_of(pod({OPTIMIZE: "true"})))
        assert server.metrics()["castslice_policy_enforced_total"] == 0
        server.review(review_of(pod()))
        assert server.metrics()["castslice_policy_enforced_total"] == 1


def test_an_annotation_nobody_understands_is_refused_also_for_a_pod_a_rule_enrols(review):
    answer = review([{"sliceRatio": 2}], pod({RATIO: "many"}))
    assert answer["allowed"] is False and RATIO in answer["message"]
    answer = review([{"sliceRatio": 2}], pod({TYPE: "gaming"}))
    assert answer["allowed"] is False and "training" in answer["message"]
    assert review([{"namespaces": ["x"], "sliceRatio": 2}], pod({RATIO: "many"}))["allowed"] is True


# ---- conditions ------------------------------------------------------------------

CONDITIONS = [
    ("namespaces", {"namespaces": ["a", "b"]}, dict(namespace="b"), dict(namespace="c")),
    ("glob", {"namespaces": ["team-*"]}, dict(namespace="team-x"), dict(namespace="team")),
    ("labels", {"labelSelector": {"a": "1"}}, dict(pod=pod(labels={"a": "1"})), dict(pod=pod(labels={"a": "2"}))),
    ("In", {"labelSelector": {"matchExpressions": [{"key": "a", "operator": "In", "values": ["1", "2"]}]}},
     dict(pod=pod(labels={"a": "2"})), dict(pod=pod())),
    ("NotIn", {"labelSelector": {"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["1"]}]}},
     dict(pod=pod()), dict(pod=pod(labels={"a": "1"}))),
    ("Exists", {"labelSelector": {"matchExpressions": [{"key": "a", "operator": "Exists"}]}},
     dict(pod=pod(labels={"a": ""})), dict(pod=pod())),
    ("DoesNotExist", {"labelSelector": {"matchExpressions": [{"key": "a", "operator": "DoesNotExist"}]}},
     dict(pod=pod()), dict(pod=pod(labels={"a": ""}))),
    ("matchLabels", {"labelSelector": {"matchLabels": {"a": "1"}}}, dict(pod=pod(labels={"a": "1"})), dict(pod=pod())),
    ("gpus min", {"gpus": {"min": 2}}, dict(pod=pod(containers=[container(gpus=2)])), dict(pod=pod())),
    ("gpus max", {"gpus": {"max": 1}}, dict(pod=pod()), dict(pod=pod(containers=[container(gpus=2)]))),
    ("owner", {"owner": "ReplicaSet"}, dict(pod=pod(owner="ReplicaSet")), dict(pod=pod(owner="Job"))),
    ("no owner", {"owner": ["*"]}, dict(pod=pod(owner="Job")), dict(pod=pod())),
    ("serviceAccount", {"serviceAccount": "ci"}, dict(pod=pod(serviceAccountName="ci")), dict(pod=pod())),
    ("containers", {"containers": ["ma*"]}, dict(pod=pod()), dict(pod=pod(containers=[container("x")]))),
    ("requireOptIn", {"requireOptIn": True}, dict(pod=pod({OPTIMIZE: "true"})), dict(pod=pod())),
    ("empty ones", {"namespaces": [], "labelSelector": {}}, dict(), None),
    ("null ones", {"namespaces": None, "labelSelector": None}, dict(), None),
]


@pytest.mark.parametrize("condition, met, unmet", [pytest.param(*row[1:], id=row[0]) for row in CONDITIONS])
def test_a_condition_holds_or_the_next_rule_is_tried(review, condition, met, unmet):
    rules = [{**condition, "sliceRatio": 7, "name": "this"}, {"sliceRatio": 9, "name": "next"}]
    for arguments, rule, slices in [(met, "this", 7), (unmet, "next", 9)]:
        if arguments is None:
            continue
        manifest = arguments.get("pod", pod())
        answer = review(rules, manifest, namespace=arguments.get("namespace", "default"))
        assert answer["rule"] == rule and answer["reason"] == f"rule {rule}: sliceRatio={slices}"
        assert answer["notes"][-1] == f"rule {rule}: matches"
        if rule == "next":
            assert len(answer["notes"]) == 2 and answer["notes"][0].startswith("rule this: no: ")


# ---- what a rule does --------------------------------------------------------------

def test_skip_leaves_a_pod_alone_even_one_that_opted_in(review):
    rules = [{"name": "hands off", "skip": True, "warn": "not here."}, {"sliceRatio": 2}]
    for annotations in (None, {OPTIMIZE: "true", RATIO: "4"}, {OPTIMIZE: "true", RATIO: "nonsense"}):
        answer = review(rules, pod(annotations))
        assert (answer["allowed"], answer["mutated"], answer["rule"]) == (True, False, "hands off")
        assert answer["warnings"] == ["not here."]


def test_deny_refuses_even_a_pod_that_opted_in(tmp_path):
    (tmp_path / "policy.json").write_text('{"rules": [{"name": "n", "deny": "No GPUs in this namespace: ask ops."}]}')
    with Server("--policy", str(tmp_path)) as server:
        for annotations in (None, {OPTIMIZE: "true", RATIO: "4"}):
            response = server.review(review_of(pod(annotations)))
            assert response["allowed"] is False and response["status"]["code"] == 403
            assert response["status"]["message"] == "No GPUs in this namespace: ask ops."
            assert response["auditAnnotations"] == {"rule": "n"}
        assert server.review(review_of(pod({OPTIMIZE: "no"})))["allowed"] is True, "opted out of every rule"


def test_a_mere_warning_enrols_nobody(review):
    rules = [{"warn": ["annotate your Pod.", "soon."]}, {"sliceRatio": 2}]
    answer = review(rules, pod())
    assert (answer["mutated"], answer["warnings"]) == (False, ["annotate your Pod.", "soon."])
    answer = review(rules, pod({OPTIMIZE: "true"}))
    assert (answer["slices"], answer["reason"], answer["warnings"]) == ({"main": 1}, "default", ["annotate your Pod.", "soon."])


def test_the_target_is_the_rules_then_the_files_then_the_default(review):
    rules = [{"namespaces": ["a"], "sliceRatio": 2, "resource": "example.com/a"}, {"sliceRatio": 2}]
    assert review(rules, pod(), "a", resource="example.com/file")["resources"] == [{"example.com/a": "2"}]
    assert review(rules, pod(), "b", resource="example.com/file")["resources"] == [{"example.com/file": "2"}]
    assert review(rules, pod(), "b")["resources"] == [{SHARED: "2"}]
    answer = review([{"resource": "example.com/a"}], pod())
    assert answer["resources"] == [{"example.com/a": "1"}] and answer["reason"] == "default"


def test_only_the_containers_a_rule_names_are_rewritten(review):
    both = pod(containers=[container("main", 1), container("side", 2)])
    answer = review([{"containers": ["side"], "sliceRatio": 3}], both)
    assert answer["resources"] == [{GPU: "1"}, {SHARED: "6"}]


def test_a_ratio_beats_a_type_in_one_rule(review):
    answer = review([{"workloadType": "training", "sliceRatio": 3}], pod())
    assert answer["slices"] == {"main": 3}
    answer = review([{"workloadType": "training", "name": "t"}], pod())
    assert (answer["slices"], answer["reason"]) == ({"main": 4}, "rule t: workloadType=training")


# ---- refused at load -----------------------------------------------------------------

def fields(text):
    return '{ "rules": [\n  { "sliceRatio": 1 },\n  { "name": "x",\n    ' + text + "\n  }\n] }"


REFUSED = [
    ('{\n  "rules": [\n  ]\n  ]', 4, "bad JSON"),
    ("[1]", 1, "must be an object"),
    ("false", 1, "must be an object"),
    ("\n0", 2, "must be an object"),
    ("null", 1, "null is no data; write {} or [], or remove the file"),
    ('{ "rules": {\n "a": 1 } }', 1, "rules: must be a list"),
    ('{\n  "ruls": [] }', 2, "unknown key `ruls`; did you mean `rules`?"),
    ('{\n  "resource": "nvidia.com/gpu" }', 2, "resource: must be an extended resource"),
    ('{ "rules": [\n 4 ] }', 2, "a rule is an object"),
    ('{ "rules": [\n\n {"skip": true,\n "skip": true} ] }', 4, "twice"),
    (fields('"sliceratio": 4'), 4, "unknown key `sliceratio`; did you mean `sliceRatio`?"),
    (fields('"namespace": ["a"], "skip": true'), 4, "did you mean `namespaces`?"),
    (fields('"colour": 4'), 4, "unknown key `colour`; there is containers, deny"),
    (fields('"owner": "Job"'), 3, "this rule sets nothing"),
    (fields('"requireOptIn": true, "skip": false'), 3, "this rule sets nothing"),
    (fields('"sliceRatio": 0'), 4, "sliceRatio: must be a whole number from 1 to 1024"),
    (fields('"sliceRatio": 1025'), 4, "from 1 to 1024"),
    (fields('"sliceRatio": 1.5'), 4, "from 1 to 1024"),
    (fields('"sliceRatio": "4"'), 4, "from 1 to 1024"),
    (fields('"sliceRatio": -1'), 4, "from 1 to 1024"),
    (fields('"workloadType": "gaming"'), 4, 'workloadType: "gaming" is not one of batch, dev, inference, training'),
    (fields('"workloadType": ""'), 4, "is not one of"),
    (fields('"workloadType": 4'), 4, "is not one of"),
    (fields('"skip": "yes"'), 4, "skip: must be true or false"),
    (fields('"skip": true,\n    "sliceRatio": 2'), 4, "sets nothing else"),
    (fields('"sliceRatio": 2,\n    "deny": "no."'), 5, "sets nothing else"),
    (fields('"deny": ""'), 4, "deny: must be a sentence"),
    (fields('"warn": []'), 4, "warn: must be a sentence, or a list of up to five"),
    (fields('"warn": ["a",\n 4]'), 5, "warn: must be a sentence"),
    (fields('"resource": "nvidia.com/gpu"'), 4, "resource: must be an extended resource"),
    (fields('"resource": "x.kubernetes.io/gpu"'), 4, "resource: must be an extended resource"),
    (fields('"skip": true, "namespaces": "a b"'), 4, "namespaces: "),
    (fields('"skip": true, "namespaces": ["a",\n      "B"]'), 5, 'namespaces: "B" is not among'),
    (fields('"skip": true, "namespaces": {"a": 1}'), 4, "namespaces: must be a list"),
    (fields('"skip": true, "gpus": 4'), 4, "gpus: must be an object"),
    (fields('"skip": true, "gpus": {\n      "min": 0 }'), 5, "gpus: must be a whole number of GPUs from 1"),
    (fields('"skip": true, "gpus": {"min": 3, "max": 2}'), 4, "gpus: `min` is above `max`"),
    (fields('"skip": true, "gpus": {\n"least": 3}'), 5, "gpus: unknown key"),
    (fields('"skip": true, "owner": ["a b"]'), 4, "owner: "),
    (fields('"skip": true, "serviceAccount": [4]'), 4, "serviceAccount: "),
    (fields('"skip": true, "containers": ["A"]'), 4, "containers: "),
    (fields('"skip": true, "requireOptIn": "true"'), 4, "requireOptIn: must be true or false"),
    (fields('"skip": true').replace('"x"', '""'), 3, "name: must be"),
    (fields('"skip": true, "labelSelector": ["a"]'), 4, "labelSelector: must be an object"),
    (fields('"skip": true, "labelSelector": {\n      "a b": "x" }'), 5, "labelSelector: "),
    (fields('"skip": true, "labelSelector": {\n      "a/b": "-" }'), 5, "labelSelector: "),
    (fields('"skip": true, "labelSelector": { "matchExpressions": [\n      { "key": "a", "operator": "In" } ] }'), 5,
     "labelSelector: In needs at least one of `values`"),
    (fields('"skip": true, "labelSelector": { "matchExpressions": [ { "key": "a",\n  "operator": "Like" } ] }'), 5,
     'labelSelector: unknown operator "Like"'),
]


RESOURCES = ["a.com/b", "nvidia.com/gpu.shared", "nvidia.com/mig-1g.5gb", "xkubernetes.io/a", "a.k8s.io/b", "a/b", "a.b/" + "c" * 63,
             "a.b/" + "c" * 64, "a" * 244 + "/b", "a" * 245 + "/b", "a..b/c", ".a/b", "a./b", "A.com/b", "a.com/B_c.d", "a.com/-b", "/b", "a/",
             "a/b/c", "b", "", "requests.a/b", "requests/b", "nvidia.com/gpu", "-a.b/c", "a.-b/c", "a_b/c", "é.com/b", "a.com/é"]


@pytest.mark.parametrize("name", RESOURCES)
def test_a_rule_takes_the_resources_that_a_decision_may_have(tmp_path, name):
    """Or a rule would load that fails on the first Pod."""
    by_rule, by_decision = tmp_path / "rule", tmp_path / "decision"
    by_rule.mkdir()
    by_decision.mkdir()
    (by_rule / "policy.json").write_text(json.dumps({"rules": [{"resource": name}]}))
    (by_decision / "policy.lua").write_text(f"return function() return {{ ratio = 1, resource = {json.dumps(name)} }} end\n")
    taken, allowed = (run("review", "--policy", folder, ROOT / "docs/ollama.yaml")[0] == 0 for folder in (by_rule, by_decision))
    assert taken == allowed


@pytest.mark.parametrize("text, line, words", REFUSED)
def test_a_mistake_is_refused_with_its_line(tmp_path, text, line, words):
    (tmp_path / "policy.json").write_text(text)
    status, stdout, stderr = run("review", "--policy", tmp_path, ROOT / "docs/ollama.yaml")
    assert (status, stdout) == (2, "")
    assert stderr.startswith(f"{tmp_path}/policy.json:{line}: ") and words in stderr
    assert stderr.count("\n") == 1


def test_the_server_does_not_start_with_a_bad_file(tmp_path):
    (tmp_path / "policy.json").write_text(fields('"sliceRatio": 0'))
    server = Server("--policy", str(tmp_path), ready=False)
    assert server.process.wait(30) == 2
    server.reader.join()
    assert f"{tmp_path}/policy.json:4: sliceRatio" in server.logged("cannot start")["error"]


# ---- explaining -------------------------------------------------------------------------

def test_review_says_why_the_earlier_rules_did_not_match(tmp_path):
    (tmp_path / "policy.json").write_text(V04)
    manifest = pod()
    status, stdout, _ = run("review", "--policy", tmp_path, "--namespace", "sandbox", "-", stdin=json.dumps(manifest))
    assert status == 0
    assert "  why: rule rules[3]: sliceRatio=3 (rule rules[3])\n" in stdout
    assert ("  rule rules[0]: no: namespace sandbox is not one of ml-team, research\n"
            "  rule rules[1]: no: namespace sandbox is not ml-team\n"
            '  rule rules[2]: no: label gpu-share is absent, must be in "yes"\n'
            "  rule rules[3]: matches\n") in stdout


def test_without_rules_there_is_nothing_to_explain():
    status, stdout, _ = run("review", "-o", "json", ROOT / "docs/ollama.yaml")
    assert status == 0 and json.loads(stdout)["notes"] == []


def test_a_policy_may_note_what_it_likes(tmp_path):
    (tmp_path / "policy.lua").write_text(
        'return function(pod) if castslice.note() then castslice.note("gpus: " .. pod.gpus .. "\\27[31m") end end')
    status, stdout, _ = run("review", "-o", "json", "--policy", tmp_path, ROOT / "docs/ollama.yaml")
    assert status == 0 and json.loads(stdout)["notes"] == ["gpus: 1\x1b[31m"]
    status, stdout, _ = run("review", "--policy", tmp_path, ROOT / "docs/ollama.yaml")
    assert status == 0 and "  gpus: 1?[31m\n" in stdout


def test_a_note_that_is_no_text_does_not_end_a_review_that_the_server_would_answer(tmp_path):
    (tmp_path / "policy.lua").write_text(
        'local c = require "castslice"\nreturn function() c.note("a\\0b\\xFFc\\xC3") c.note("\\0") return { ratio = 2 } end')
    status, stdout, _ = run("review", "-o", "json", "--policy", tmp_path, ROOT / "docs/ollama.yaml")
    assert status == 0 and json.loads(stdout)["notes"] == ["a\x00b?c?", "\x00"]


def test_a_rule_may_have_any_name(tmp_path):
    for name in ("x\x00y", "a\nb", "\x1b[31m", "\u2028"):
        (tmp_path / "policy.json").write_text(json.dumps({"rules": [{"name": name, "sliceRatio": 2}]}))
        assert json.loads(run("review", "-o", "json", "--policy", tmp_path, ROOT / "docs/ollama.yaml")[1])["notes"] == [f"rule {name}: matches"]


# ---- many rules ------------------------------------------------------------------------------

def test_a_thousand_rules_load_within_the_limits_and_the_last_matches(tmp_path):
    rules = [{"name": f"team {i}", "namespaces": [f"team-{i}"], "labelSelector": {"app": f"app-{i}", "tier": "gold"},
              "workloadType": "training"} for i in range(1000)]
    (tmp_path / "policy.json").write_text(json.dumps({"rules": rules}))
    with Server("--policy", str(tmp_path), "--threads", "4") as server:
        before = pod(labels={"app": "app-999", "tier": "gold"})
        response = server.review(review_of(before, namespace="team-999"))
        assert response["auditAnnotations"]["rule"] == "team 999"
    status, stdout, _ = run("review", "-o", "json", "--policy", tmp_path, "--namespace", "team-999", "-", stdin=json.dumps(before))
    assert status == 0 and len(json.loads(stdout)["notes"]) == 1000


def test_nothing_a_policy_does_to_its_data_is_seen_by_the_next_review(tmp_path):
    (tmp_path / "teams.json").write_text('{"a": {"ratio": 2}, "gone": null}')
    (tmp_path / "policy.lua").write_text(
        'local teams = castslice.data "teams"\nlocal copy = {}\n'
        'for name, team in pairs(teams) do copy[name] = team.ratio end\n'
        'return function() copy.a = copy.a + 1 return { ratio = copy.a, reason = tostring(teams.gone) } end')
    with Server("--policy", str(tmp_path), "--threads", "1") as server:
        for _ in range(3):
            before = pod()
            after = jsonpatch.apply_patch(before, operations(server.review(review_of(before))))
            assert after["spec"]["containers"][0]["resources"]["limits"] == {SHARED: "3"}


# ---- what the documents show -------------------------------------------------------------------

def test_the_data_example_of_the_policies_page(tmp_path):
    [policy] = re.findall(r"```lua\n(.*?)```", (ROOT / "docs/policies.md").read_text(), re.S)
    (tmp_path / "policy.lua").write_text(policy)
    (tmp_path / "teams.json").write_text(re.search(r"-- (\{.*\})", policy)[1])
    status, stdout, _ = run("review", "-o", "json", "--policy", tmp_path, "--namespace", "team-a", "-", stdin=json.dumps(pod()))
    assert status == 0 and json.loads(stdout)["slices"] == {"main": 4}


EXAMPLES = re.findall(r"```json\n(.*?)```", (ROOT / "docs/rules.md").read_text(), re.S)


@pytest.mark.parametrize("text", EXAMPLES)
def test_every_example_of_the_documents_loads(tmp_path, text):
    text = text if '"rules"' in text else '{"rules": [' + text + "]}"
    (tmp_path / "policy.json").write_text(text)
    status, _, stderr = run("review", "--policy", tmp_path, ROOT / "docs/ollama.yaml")
    assert status in (0, 1), stderr
