"""`castslice test` and `castslice check`: what they say of a bundle and its cases."""
import json
import os
import xml.etree.ElementTree

import pytest

from harness import ROOT, Server, run, until

POLICY = (ROOT / "policies/default/policy.lua").read_text()


@pytest.fixture
def bundle(tmp_path):
    """bundle(cases_yaml="…", policy_lua="…"): a folder with these files; the default policy unless one is given."""
    def make(**files):
        for name, text in {"policy_lua": POLICY, **files}.items():
            path = tmp_path / name.replace("_", ".")
            if text is not None:
                path.write_text(text)
        return tmp_path
    return make


OPT = '{ castops.io/optimize: "true" }'


# ---- the commands --------------------------------------------------------------

def test_what_we_ship_passes():
    status, out, err = run("test", ROOT / "policies")
    assert status == 0 and not err and out.splitlines()[-1].endswith(" 0 failed")
    assert len(out.splitlines()) == 1 + len([p for p in (ROOT / "policies").iterdir() if p.is_dir()])
    assert run("check", ROOT / "policies") == (0, "", "")


def test_a_case_that_does_not_pass_is_shown_with_its_line(bundle):
    folder = bundle(cases_yaml=f"- name: fine\n  annotations: {OPT}\n  expect: {{ slices: 1 }}\n\n"
                               f"- name: two of them\n  annotations: {OPT}\n  expect: {{ slices: 2 }}\n")
    status, out, _ = run("test", folder)
    assert status == 1
    assert out == (f"{folder}/cases.yaml:5: two of them\n  expected  2 slices\n"
                   f"  got       rewritten: main 1 of nvidia.com/gpu-shared\n{folder}: 1 of 2 cases failed\n")
    status, out, _ = run("check", folder)
    assert status == 1 and out.startswith(f'{folder}/cases.yaml:5: case "two of them": expected 2 slices, got rewritten')


FAILURES = [
    ("slices", "slices: 2", "2 slices", "rewritten: main 1 of nvidia.com/gpu-shared"),
    ("slices by name", "slices: { main: 2 }", "2 slices for main", "main 1 of"),
    ("a container that is not there", "slices: { man: 1 }", "1 slices for man, a container the Pod does not have", "main 1"),
    ("unchanged", "unchanged: true", "unchanged", "rewritten"),
    ("denied", "denied: nope", "denied", "rewritten"),
    ("rule", "rule: mine", 'rule "mine"', "rewritten"),
    ("warnings", "warnings: [careful]", 'a warning with "careful"', "rewritten"),
    ("resource", "resource: example.org/x", 'slices of "example.org/x"', "nvidia.com/gpu-shared"),
    ("error", "error: boom", "an error of the policy", "rewritten"),
]


@pytest.mark.parametrize("expect,expected,got", [f[1:] for f in FAILURES], ids=[f[0] for f in FAILURES])
def test_every_expectation_can_fail(bundle, expect, expected, got):
    folder = bundle(cases_yaml=f"- name: x\n  annotations: {OPT}\n  expect: {{ {expect} }}\n")
    status, out, _ = run("test", folder, "-o", "json")
    case, = json.loads(out)["cases"]
    assert status == 1 and not case["passed"] and case["expected"] == expected and got in case["got"]


SUCCESSES = [
    ("denied with every word", '{ castops.io/optimize: "true", castops.io/slice-ratio: "0" }', "denied: [slice-ratio, from 1 to]"),
    ("two expectations", OPT, "slices: 1, resource: nvidia.com/gpu-shared"),
    ("no warning", OPT, "slices: 1, warnings: []"),
    ("unchanged", "{}", "unchanged: true"),
]


@pytest.mark.parametrize("annotations,expect", [s[1:] for s in SUCCESSES], ids=[s[0] for s in SUCCESSES])
def test_expectations_that_hold(bundle, annotations, expect):
    folder = bundle(cases_yaml=f"- name: x\n  annotations: {annotations}\n  expect: {{ {expect} }}\n")
    assert run("test", folder) == (0, f"{folder}: 1 case passed\n", "")


def test_a_rewritten_container_nobody_named_fails_the_case(bundle):
    pod = 'pod: { metadata: { annotations: { castops.io/optimize: "true" } }, spec: { containers: [' \
          '{ name: a, resources: { limits: { nvidia.com/gpu: "1" } } }, { name: b, resources: { limits: { nvidia.com/gpu: "1" } } }] } }'
    folder = bundle(cases_yaml=f"- name: x\n  {pod}\n  expect: {{ slices: {{ a: 1 }} }}\n")
    status, out, _ = run("test", folder)
    assert status == 1 and "slices for no other container; name each" in out


MISTAKES = [
    ("an unknown key", "- name: x\n  expct: { slices: 1 }\n", 2, 'unknown key "expct", did you mean "expect"?'),
    ("an unknown expectation", "- name: x\n  expect: { slice: 1 }\n", 2, 'unknown key "slice", did you mean "slices"?'),
    ("no name", "- expect: { slices: 1 }\n", 1, "a case needs a `name`"),
    ("a name that is no text", "- { name: y, expect: { slices: 1 } }\n", 1, "put quotes around it"),
    ("a name twice", "- { name: x, expect: { slices: 1 } }\n- { name: x, expect: { slices: 1 } }\n", 2, 'two cases have the name "x"'),
    ("nothing to expect", "- name: x\n  gpus: 1\n", 1, 'says nothing to expect: "x"'),
    ("an empty expect", "- name: x\n  expect: {}\n", 2, "expect: says nothing"),
    ("a number where text belongs", "- name: x\n  annotations:\n    castops.io/slice-ratio: 3\n  expect: { slices: 1 }\n", 3, "put quotes around the value"),
    ("a pod beside the short form", "- name: x\n  pod: {}\n  gpus: 1\n  expect: { slices: 1 }\n", 1, "belong in there"),
    ("slices that are no number", "- name: x\n  expect: { slices: many }\n", 2, "slices: must be a number"),
    ("unchanged: false", "- name: x\n  expect: { unchanged: false }\n", 2, "can only be true"),
    ("half a GPU", "- name: x\n  gpus: 0.5\n  expect: { slices: 1 }\n", 2, "gpus: must be a whole number"),
    ("two outcomes", "- name: x\n  expect: { slices: 1, unchanged: true }\n", 2, "one of slices, unchanged, denied and error"),
    ("no list", "name: x\n", 1, "must be a list of cases"),
    ("no YAML", "- name: [x\n", 2, ""),
]


@pytest.mark.parametrize("cases,line,words", [m[1:] for m in MISTAKES], ids=[m[0] for m in MISTAKES])
def test_a_mistake_in_the_file_is_refused_with_its_line(bundle, cases, line, words):
    folder = bundle(cases_yaml=cases)
    status, out, err = run("test", folder)
    assert status == 2 and not out and err.startswith(f"{folder}/cases.yaml:{line}: ") and words in err
    status, out, _ = run("check", folder)
    assert status == 1 and out.startswith(f"{folder}/cases.yaml:{line}: ")


def test_cases_may_share_their_parts(bundle):
    folder = bundle(cases_yaml="- &first { name: one, annotations: &none {}, expect: &same { unchanged: true } }\n"
                               "- { name: two, annotations: *none, expect: *same }\n"
                               "- { <<: *first, name: three }\n")
    assert run("test", folder) == (0, f"{folder}: 3 cases passed\n", "")


def test_a_mark_before_the_cases_is_no_mistake(bundle):
    folder = bundle(cases_yaml="\ufeff- { name: one, expect: { unchanged: true } }\n"
                               "- { name: two, expect: { unchanged: true } }\n")
    assert run("test", folder) == (0, f"{folder}: 2 cases passed\n", "")


def test_too_many_aliases_are_refused_without_a_line(bundle):
    bomb = "".join(f"{c}: &{c} [{', '.join([f'*{b}'] * 9)}]\n" for b, c in zip("abcdefgh", "bcdefghi"))
    folder = bundle(cases_yaml="a: &a [x]\n" + bomb)
    status, _, err = run("test", folder)
    assert status == 2 and err.startswith(f"{folder}/cases.yaml: YAML that needs more memory")


def test_a_bundle_without_cases_fails_the_test_and_warns_the_check(bundle):
    folder = bundle()
    status, out, _ = run("test", folder)
    assert status == 1 and "there are no cases" in out
    status, out, _ = run("check", folder)
    assert status == 0 and out == f"{folder}: has no cases, so nothing says what it promises (warning)\n"


def test_a_policy_that_loops_fails_its_case_and_the_others_go_on(bundle):
    folder = bundle(policy_lua='return function(pod)\n  if pod.labels.loop then while true do end end\n  return { ratio = 2 }\nend\n',
                    cases_yaml="- { name: loops, labels: { loop: 'yes' }, expect: { slices: 2 } }\n"
                               "- { name: does not, expect: { slices: 2 } }\n"
                               "- { name: is known to, labels: { loop: 'yes' }, expect: { error: 50 ms } }\n")
    status, out, _ = run("test", folder)
    assert status == 1 and "failed: " in out and "50 ms" in out and "1 of 3 cases failed" in out


def test_a_broken_policy_is_exit_2_with_file_and_line(bundle):
    folder = bundle(policy_lua="return function(pod)\n  retrun 4\nend\n", cases_yaml="- { name: x, expect: { slices: 1 } }\n")
    status, _, err = run("test", folder)
    assert status == 2 and err.startswith(f"{folder}/policy.lua:2: ")
    status, out, _ = run("check", folder)
    assert status == 1 and out.startswith(f"{folder}/policy.lua:2: ")


# ---- forms ---------------------------------------------------------------------

def test_junit_is_xml_that_counts(bundle):
    folder = bundle(cases_yaml=f"- {{ name: 'a \"<b>\" & c', annotations: {OPT}, expect: {{ slices: 9 }} }}\n"
                               f"- {{ name: fine, annotations: {OPT}, expect: {{ slices: 1 }} }}\n")
    status, out, _ = run("test", folder, "-o", "junit")
    suite, = xml.etree.ElementTree.fromstring(out)
    assert status == 1 and (suite.get("tests"), suite.get("failures")) == ("2", "1")
    first, second = suite
    assert first.get("name") == 'a "<b>" & c' and first[0].tag == "failure" and "expected 9 slices" in first[0].get("message")
    assert len(second) == 0 and second.get("line") == "2"


def test_odd_characters_break_no_form(bundle):
    folder = bundle(cases_yaml=f'- {{ name: "a\\0b\\uFFFF\\x01" , annotations: {OPT}, expect: {{ slices: 9 }} }}\n')
    assert xml.etree.ElementTree.fromstring(run("test", folder, "-o", "junit")[1])[0][0].get("name") == "a?b??"
    assert json.loads(run("test", folder, "-o", "json")[1])["failed"] == 1
    assert json.loads(run("check", folder, "-o", "json")[1])["line"] == 1
    assert run("test", folder)[1].splitlines()[0].endswith("cases.yaml:1: a?b\uffff?")


def test_a_bundle_that_cannot_be_loaded_is_in_every_form(bundle):
    folder = bundle(policy_lua="retrun 1\n", cases_yaml=f"- {{ name: x, annotations: {OPT}, expect: {{ slices: 1 }} }}\n")
    status, out, err = run("test", folder, "-o", "junit")
    suite, = xml.etree.ElementTree.fromstring(out)
    assert status == 2 and suite.get("errors") == "1" and "policy.lua:1" in suite[0][0].get("message") and "policy.lua:1" in err
    assert "policy.lua:1" in json.loads(run("test", folder, "-o", "json")[1])["error"]


def test_an_empty_list_of_cases_is_none(bundle):
    folder = bundle(cases_yaml="[]\n")
    assert run("test", folder)[0] == 1
    assert "has no cases" in run("check", folder)[1]


def test_cases_that_take_too_long_are_no_proof(bundle):
    loops = "".join(f"- {{ name: x{i}, expect: {{ error: ms }} }}\n" for i in range(2000))
    folder = bundle(policy_lua="return function() while true do end end\n", cases_yaml=loops)
    status, _, err = run("serve", "--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0", "--policy", folder)
    assert status == 2 and "of 2000 cases were done after 5 s; a reload waits no longer" in err


def test_coverage_names_lines_and_rules_that_no_case_reaches(bundle):
    folder = bundle(
        policy_json='{"rules": [\n  {"name": "ml", "namespaces": ["ml"], "sliceRatio": 3},\n  {"namespaces": ["x"], "sliceRatio": 4}\n]}',
        policy_lua='local rules = require "castslice.rules"\nlocal book = rules.load("policy", {})\n-- nothing here\n'
                   'return function(pod)\n  local rule = rules.first(book, pod)\n  if not rule then\n    return nil\n  end\n'
                   '  if pod.labels.odd then\n    local n = 1\n    return { ratio = n }\n  end\n'
                   '  return rules.rewrite(rule, pod, rule.sliceRatio, "r")\nend\n',
        cases_yaml="- { name: ml, namespace: ml, expect: { slices: 3, rule: ml } }\n")
    status, out, _ = run("test", folder, "--coverage")
    assert status == 0 and out.splitlines()[1:] == [
        f"{folder}/policy.json:3: no case reaches rule rules[1]",
        f"{folder}/policy.lua:7: no case reaches this",
        f"{folder}/policy.lua:10-11: no case reaches this",
        f"{folder}: 6 of 9 lines reached"]
    suite, = xml.etree.ElementTree.fromstring(run("test", folder, "--coverage", "-o", "junit")[1])
    assert suite.find("system-out").text.splitlines() == out.splitlines()[1:]
    assert json.loads(run("test", folder, "--coverage", "-o", "json")[1])["coverage"] == {
        "lines": 9, "reached": 6, "missedRules": [{"file": f"{folder}/policy.json", "line": 3, "rule": "rules[1]"}],
        "missedLines": [{"file": f"{folder}/policy.lua", "line": 7, "last": 7},
                        {"file": f"{folder}/policy.lua", "line": 10, "last": 11}]}
    assert "coverage" not in json.loads(run("test", folder, "-o", "json")[1])


def test_check_names_every_mistake_where_a_reload_stops_at_the_first(bundle):
    folder = bundle(policy_lua=None, policy_json="""{ "resource": "gpu", "rulez": 1, "rules": [
      { "namespaces": ["a"], "sliceRatio": 0 },
      7,
      { "sliceRatoi": 2,
        "owner": ["#: "] },
      { "name": "fine", "sliceRatio": 2 },
      { "namespaces": ["c"] },
      { "deny": "no.", "skip": true }
    ] }""", cases_yaml="- { name: a, expext: 1 }\n- { name: b, expect: { slices: 2 } }\n- { name: b, expect: { slices: x } }\n")
    status, out, _ = run("check", folder)
    assert status == 1 and out.replace(f"{folder}/", "").splitlines() == [
        "policy.json:1: unknown key `rulez`; did you mean `rules`?",
        'policy.json:1: resource: must be an extended resource such as "nvidia.com/gpu-shared": a domain that is not kubernetes.io, '
        "a slash and a name, and not nvidia.com/gpu itself",
        "policy.json:2: sliceRatio: must be a whole number from 1 to 1024",
        "policy.json:3: a rule is an object",
        'policy.json:5: owner: "#: " is not among the kinds such as ReplicaSet',
        "policy.json:4: unknown key `sliceRatoi`; did you mean `sliceRatio`?",
        "policy.json:7: this rule sets nothing: give sliceRatio, workloadType, resource, skip, deny or warn",
        "policy.json:8: a rule that stops here sets nothing else but warn",
        'cases.yaml:1: unknown key "expext", did you mean "expect"?',
        'cases.yaml:3: two cases have the name "b"']


def test_check_stops_after_a_hundred_mistakes(bundle):
    rules = ",\n".join(['{ "sliceRatio": 0 }'] * 2000)
    folder = bundle(policy_lua=None, policy_json=f'{{"rules": [{rules}]}}', cases_yaml="- { name: x, expect: { slices: 1 } }\n")
    lines = run("check", folder)[1].splitlines()
    assert len(lines) == 101 and lines[99].startswith(f"{folder}/policy.json:100: sliceRatio: must be")
    assert lines[100] == f"{folder}/policy.json:101: from here on nobody looked: there are too many mistakes"


def test_what_a_policy_notes_while_it_loads_is_no_finding(bundle):
    folder = bundle(policy_lua="local castslice = require 'castslice'\nfor _, s in ipairs { 'hello', 'policy.json: x', 'a.json#/: x', '#/: x',"
                               "'policy.json#', 'warning: ' } do castslice.note(s) end\nreturn function() end\n",
                    policy_json='{"rules": []}', cases_yaml="- { name: x, gpus: 0, expect: { unchanged: true } }\n")
    assert run("check", folder) == (0, "", "")


def test_check_finds_a_rule_that_can_never_match(bundle):
    folder = bundle(policy_lua=None, policy_json='{"rules": [\n  {"name": "all", "sliceRatio": 2},\n\n  {"name": "ml", "namespaces": ["ml"], "sliceRatio": 4}\n]}',
                    cases_yaml="- { name: all, expect: { slices: 2, rule: all } }\n")
    assert run("check", folder) == (0, f"{folder}/policy.json:4: ml can never match: all above it always does (warning)\n", "")
    finding = json.loads(run("check", folder, "-o", "json")[1])
    assert finding == {"severity": "warning", "file": f"{folder}/policy.json", "line": 4,
                       "message": "ml can never match: all above it always does"}


OUT_OF_REACH = [
    ("ignored", "{ ratio = 2 }", "gets 2 slices, not 4"),
    ("refused", "{ invalid = 'no' }", "is refused"),
]


@pytest.mark.parametrize("decision,words", [o[1:] for o in OUT_OF_REACH], ids=[o[0] for o in OUT_OF_REACH])
def test_check_finds_a_preset_that_nobody_can_get(bundle, decision, words):
    folder = bundle(policy_lua="local presets = { dev = 2, training = 4 }\nlocal function decide(pod)\n"
                               "  if pod.annotations['castops.io/workload-type'] == 'dev' then return { ratio = 2 } end\n"
                               f"  return {decision}\nend\nreturn {{ decide = decide, presets = presets }}\n",
                    cases_yaml="- { name: x, gpus: 0, expect: { unchanged: true } }\n")
    status, out, _ = run("check", folder)
    assert (status, out) == (0, f"{folder}/policy.lua:1: preset `training` is out of reach: no rule gives it, and a Pod "
                                f"that asks for it {words} (warning)\n")


NO_PROOF = [
    ("left alone", "return nil", '{"rules": []}'),
    ("forbidden", "return { deny = 'not here' }", '{"rules": []}'),
    ("given by a rule", "return { ratio = 2 }", '{"rules": [{"workloadType": "training"}]}'),
]


@pytest.mark.parametrize("decide,rules", [n[1:] for n in NO_PROOF], ids=[n[0] for n in NO_PROOF])
def test_check_says_nothing_of_a_preset_when_it_cannot_tell(bundle, decide, rules):
    folder = bundle(policy_lua=f"return {{ presets = {{ training = 4 }}, decide = function() {decide} end }}\n",
                    policy_json=rules, cases_yaml="- { name: x, gpus: 0, expect: { unchanged: true } }\n")
    assert run("check", folder) == (0, "", "")


def test_check_finds_a_workload_type_that_the_ratio_overrules(bundle):
    folder = bundle(policy_lua=None, policy_json='{"rules": [{"name": "ml",\n  "sliceRatio": 2,\n  "workloadType": "training"}]}',
                    cases_yaml="- { name: x, expect: { slices: 2, rule: ml } }\n")
    assert run("check", folder) == (0, f"{folder}/policy.json:3: ml: workloadType is never used: sliceRatio wins (warning)\n", "")


def test_check_takes_as_many_rules_as_a_reload(bundle):
    """Each rule is compared with those above it: not with all of them, and not for ever."""
    cases = "- { name: x, gpus: 0, expect: { unchanged: true } }\n"
    rules = [{"labelSelector": {"app": f"a{i % 2500}"}, "sliceRatio": 2} for i in range(3000)]
    folder = bundle(policy_lua=None, policy_json=json.dumps({"rules": rules}), cases_yaml=cases)
    status, out, _ = run("check", folder)
    assert status == 0 and len(out.splitlines()) == 500
    assert out.splitlines()[0] == f"{folder}/policy.json:1: rules[2500] can never match: rules[0] above it always does (warning)"
    alike = [{"labelSelector": {"app": "llm"}, "gpus": {"min": i + 1, "max": i + 1}, "sliceRatio": 2} for i in range(2500)]
    status, out, _ = run("check", bundle(policy_lua=None, policy_json=json.dumps({"rules": alike}), cases_yaml=cases))
    assert status == 0 and out == (f"{folder}/policy.json:1: from here on nobody looked whether an earlier rule always "
                                   "matches: there are too many alike (warning)\n")


def test_check_refuses_no_bundle_that_a_reload_takes(bundle):
    """Looking for rules that make no sense needs more memory than loading them."""
    rules = [{"namespaces": [f"ns-{i}"], "labelSelector": {"app": f"a{i}"}, "sliceRatio": 2} for i in range(3400)]
    folder = bundle(policy_lua=None, policy_json=json.dumps({"rules": rules}, separators=(",", ":")),
                    cases_yaml="- { name: x, gpus: 0, expect: { unchanged: true } }\n")
    assert run("check", folder) == (0, "", "")
    for memory, words in (("512KiB", "policy.json: needs more than the policy's memory"),
                          ("3MiB", "loading the policy needed more than its 3 MiB of memory")):
        status, out, _ = run("check", folder, "--policy-memory", memory)
        assert status == 1 and out.endswith(words + " (--policy-memory)\n")


def test_check_finds_two_rules_of_one_name(bundle):
    folder = bundle(policy_lua=None, policy_json='{"rules": [{"name": "ml", "namespaces": ["a"], "skip": true},\n'
                                                 '{"name": "ml", "sliceRatio": 2}]}',
                    cases_yaml="- { name: x, expect: { slices: 2, rule: ml } }\n")
    assert run("check", folder) == (0, f"{folder}/policy.json:2: rules[0] has the name ml too: logs and coverage take "
                                       "them for one (warning)\n", "")


PRESETS = [
    ("no number", 'training = "4"', "policy.lua:1: presets.training: must be a whole number from 1 to 1024"),
    ("none", "training = 0", "presets.training: must be a whole number from 1 to 1024"),
    ("a part", "training = 2.5", "presets.training: must be a whole number from 1 to 1024"),
    ("too many", "training = 1025", "presets.training: must be a whole number from 1 to 1024"),
    ("the first by name", "z = 0, a = 0, m = 0", "presets.a: must be"),
    ("a name in brackets", "training = 4,\n  ['mig-1g'] = 0", "policy.lua:2: presets.mig-1g: must be"),
    ("a part of another name", "no_dev = 1,\n  device = 1,\n\tdev\t= 0", "policy.lua:3: presets.dev: must be"),
    ("a list", "4, 2", "presets: must be a table of names and numbers"),
    ("a function", "training = print", "a policy has no `print`"),
    ("odd values", "training = function() end", "presets: training: a function is not allowed here"),
]


@pytest.mark.parametrize("presets,words", [p[1:] for p in PRESETS], ids=[p[0] for p in PRESETS])
def test_a_preset_that_is_no_ratio_is_refused_at_load(bundle, presets, words):
    folder = bundle(policy_lua=f"return {{ decide = function() end, presets = {{ {presets} }} }}\n")
    status, out, _ = run("check", folder)
    assert status == 1 and out.startswith(f"{folder}/policy.lua:") and words in out
    assert len(out.splitlines()) == 1


def test_a_mounted_configmap_is_a_bundle(tmp_path):
    version = tmp_path / "..2026"
    version.mkdir()
    (version / "policy.lua").write_text("return function() return { ratio = 2 } end\n")
    (version / "cases.yaml").write_text("- { name: x, expect: { slices: 2 } }\n")
    (tmp_path / "..data").symlink_to("..2026")
    for name in ("policy.lua", "cases.yaml"):
        (tmp_path / name).symlink_to(f"..data/{name}")
    assert run("test", tmp_path) == (0, f"{tmp_path}: 1 case passed\n", "")


@pytest.mark.parametrize("command", ["test", "check"])
def test_what_is_no_bundle_is_exit_2(tmp_path, command):
    (tmp_path / "file").write_text("")
    for path, words in ((tmp_path, "holds no bundle"), (tmp_path / "none", "No such file"), (tmp_path / "file", "is a file")):
        status, _, err = run(command, path)
        assert status == 2 and words in err and err.startswith(f"castslice {command}: {path}: ")
    status, _, err = run(command)
    assert status == 2 and "name the folder of a bundle" in err


# ---- serving -------------------------------------------------------------------

def test_a_bundle_whose_cases_fail_is_not_served(bundle):
    folder = bundle(cases_yaml=f"- {{ name: x, annotations: {OPT}, expect: {{ slices: 9 }} }}\n")
    status, _, err = run("serve", "--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0", "--policy", folder)
    assert status == 2 and "cases.yaml:1" in err and "expected 9 slices" in err


def test_a_reload_whose_cases_fail_keeps_the_last_good_one(bundle):
    good = f"- {{ name: x, annotations: {OPT}, expect: {{ slices: 1 }} }}\n"
    folder = bundle(cases_yaml=good)
    with Server("--policy", str(folder)) as server:
        (folder / "cases.yaml.new").write_text(good.replace("slices: 1", "slices: 9"))
        os.rename(folder / "cases.yaml.new", folder / "cases.yaml")
        refused = server.logged("policy not reloaded")
        assert "expected 9 slices" in refused["error"]
        assert server.metrics()['castslice_policy_reloads_total{result="failure"}'] == 1
        assert server.get("/readyz").status == 200
