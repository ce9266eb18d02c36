"""`castslice review`: every form of output, on recorded reviews and on manifests of every kind and style.

What `-o patch` says is applied with an independent RFC 6902 library to the document as an independent
YAML parser reads it; what `-o object` prints must read the same, and differ from the input only where
the patch says so.
"""
import base64
import json
import subprocess
import textwrap

import jsonpatch
import pytest
import yaml

from harness import CASTSLICE, REVIEWS, ROOT, recorded, run

GPU, SHARED = "nvidia.com/gpu", "nvidia.com/gpu-shared"
RECORDED = sorted(path.stem for path in REVIEWS.glob("*.json"))
DENIED = {"denied-ratio-pod", "denied-type-pod"}
UNCHANGED = {"mig-pod", "shared-already-pod", "whole-gpu-deployment"}
NO_UID = "00000000-0000-0000-0000-000000000000"


def lines(text):
    return [json.loads(line) for line in text.splitlines()]


def parse(text):
    """A document as others read it. Aliases become copies, as they do for the API server."""
    try:
        return json.loads(text)
    except ValueError:
        return json.loads(json.dumps(yaml.safe_load(text)))


@pytest.fixture
def write(tmp_path):
    """Writes a file and returns its path; the text may be indented as a whole."""
    def write_text(text, name="m.yaml"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else textwrap.dedent(text).encode())
        return path
    return write_text


# ---- manifests ---------------------------------------------------------------

def pod_spec(indent, resources="limits:\n  nvidia.com/gpu: 1\n"):
    """A Pod's spec in block style, `indent` spaces in."""
    text = "containers:\n  - name: main\n    image: app\n    resources:\n" + textwrap.indent(resources, " " * 6)
    return textwrap.indent(text, " " * indent)


def workload(kind, version, ratio="3"):
    """A workload in block style: its text, and the path of its template."""
    notes = f"castops.io/optimize: \"true\"\ncastops.io/slice-ratio: '{ratio}'\n"
    if kind == "Pod":
        return (f"apiVersion: v1\nkind: Pod\nmetadata:\n  name: work\n  annotations:\n" + textwrap.indent(notes, "    ") +
                "spec:\n" + pod_spec(2)), ""
    template = "template:\n  metadata:\n    annotations:\n" + textwrap.indent(notes, "      ") + "  spec:\n" + pod_spec(4)
    head = f"apiVersion: {version}\nkind: {kind}\nmetadata:\n  name: work\n  namespace: ml\nspec:\n"
    if kind == "CronJob":
        return head + "  schedule: '* * * * *'\n  jobTemplate:\n    spec:\n" + textwrap.indent(template, " " * 6), \
            "/spec/jobTemplate/spec/template"
    return head + textwrap.indent(template, "  "), "/spec/template"


KINDS = [("Pod", "v1"), ("Deployment", "apps/v1"), ("StatefulSet", "apps/v1"), ("DaemonSet", "apps/v1"),
         ("ReplicaSet", "apps/v1"), ("Job", "batch/v1"), ("CronJob", "batch/v1"), ("ReplicationController", "v1")]
STYLES = {
    "block": lambda text: text,
    "block-crlf": lambda text: text.replace("\n", "\r\n"),
    "block-no-newline": lambda text: text.rstrip("\n"),
    "block-comments": lambda text: "# größe 🙂\n" + text.replace("\n", "   # ü\n").replace("nvidia.com", "'nvidia.com")
                                                        .replace("/gpu:", "/gpu':"),
    "json": lambda text: json.dumps(yaml.safe_load(text)),
    "json-compact": lambda text: json.dumps(yaml.safe_load(text), separators=(",", ":")),
    "json-lines": lambda text: json.dumps(yaml.safe_load(text), indent=2) + "\n",
    "json-tabs": lambda text: json.dumps(yaml.safe_load(text), indent="\t") + "\n",
    "flow": lambda text: yaml.safe_dump(yaml.safe_load(text), default_flow_style=True),
    "unindented-lists": lambda text: yaml.safe_dump(yaml.safe_load(text), sort_keys=False),
}


def at(document, path):
    for token in path.split("/")[1:]:
        document = document[int(token) if isinstance(document, list) else token]
    return document


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("kind, version", KINDS, ids=[k for k, _ in KINDS])
def test_every_kind_in_every_style(write, kind, version, style):
    text, template = workload(kind, version)
    text = STYLES[style](text)
    before = parse(text)
    path = write(text.encode())
    status, stdout, stderr = run("review", "-o", "patch", path)
    assert (status, stderr) == (0, "")
    patch = json.loads(stdout)
    assert stdout.count("\n") == 1 and all(op["path"].startswith(template + "/spec/containers/0/resources/") for op in patch)
    after = jsonpatch.apply_patch(before, patch)
    assert at(after, template + "/spec/containers/0/resources") == {"limits": {SHARED: "3"}, "requests": {SHARED: "3"}}
    status, stdout, stderr = run("review", "-o", "object", path)
    assert (status, stderr) == (0, "")
    assert parse(stdout) == after
    if style.startswith("json"):
        assert json.loads(stdout) == after
    if style.startswith("block"):
        kept = [line for line in stdout.split("\n") if "shared" not in line and "requests" not in line]
        assert kept == [line for line in text.split("\n") if GPU not in line]
    # a second pass finds nothing to do, and changes no byte
    again = write(stdout.encode(), "again.yaml")
    assert run("review", "-o", "patch", again) == (0, "[]\n", "")
    assert run("review", "-o", "object", again) == (0, stdout, "")


def test_styles_are_kept_to_the_byte(write):
    text, _ = workload("Pod", "v1")
    expected = text.replace("nvidia.com/gpu: 1", 'nvidia.com/gpu-shared: "3"') + \
        '        requests:\n          nvidia.com/gpu-shared: "3"\n'
    assert run("review", "-o", "object", write(text)) == (0, expected, "")
    assert run("review", "-o", "object", write(text.replace("\n", "\r\n").encode()))[1] == expected.replace("\n", "\r\n")
    compact = '{"kind":"Pod","metadata":{"annotations":{"castops.io/optimize":"true"}},"spec":{"big":12345678901234567890.0,' \
              '"containers":[{"name":"m","resources":{"limits":{"nvidia.com/gpu":1}}}]}}'
    assert run("review", "-o", "object", write(compact))[1] == compact.replace(
        '{"nvidia.com/gpu":1}', '{"nvidia.com/gpu-shared":"1"},"requests":{"nvidia.com/gpu-shared":"1"}')


KYAML = """\
    ---
    {
      apiVersion: "v1",
      kind: "Pod",
      metadata: {
        name: "p",
        annotations: {
          "castops.io/optimize": "true", # opted in
        },
      },
      spec: {
        containers: [{
          name: "m",
          resources: {
            limits: {
              "nvidia.com/gpu": "1", # one
            }, # of limits
          },
        }],
      },
    }
    """


def test_kyaml_keeps_its_commas(write):
    status, stdout, _ = run("review", "-o", "object", write(KYAML))
    assert status == 0
    assert stdout == textwrap.dedent(KYAML).replace('"nvidia.com/gpu": "1"', '"nvidia.com/gpu-shared": "1"').replace(
        "}, # of limits\n", "}, # of limits\n" + textwrap.indent('requests: {\n  nvidia.com/gpu-shared: "1",\n},\n', " " * 8))


ODD = {
    "quantities in other forms": ("limits: {nvidia.com/gpu: 2e0}\nrequests: {nvidia.com/gpu: '2000m'}\n", "6"),
    "an octal number": ("limits: {nvidia.com/gpu: 010}\n", "24"),
    "a hexadecimal number": ("limits: {nvidia.com/gpu: 0x2}\n", "6"),
    "requests of something else": ("limits: {nvidia.com/gpu: 1}\nrequests:\n  cpu: 1\n  # memory: 2Gi\n", "3"),
    "requests with nothing in them": ("requests:   # later\nlimits:\n  nvidia.com/gpu: 1\n", "3"),
    "requests that are null": ("requests: null   # later\nlimits:\n  nvidia.com/gpu: 1\n", "3"),
    "requests that are empty": ("requests: {}   # later\nlimits:\n  nvidia.com/gpu: 1\n", "3"),
    "requests first": ("requests:\n  nvidia.com/gpu: 1\nlimits:\n  cpu: 1\n  nvidia.com/gpu: 1", "3"),
    "braces over two lines": ("limits: {cpu: 1,\n  nvidia.com/gpu: 1}\n", "3"),
    "a quoted value over lines": ("limits:\n  nvidia.com/gpu: |-\n    1\nclaims: []\n", "3"),
    "an anchor for both": ("limits: &gpu\n  nvidia.com/gpu: 1\nrequests: *gpu\n", "3"),
    "an anchor for the number": ("limits: {nvidia.com/gpu: &n 1, cpu: 1}\n", "3"),
    "claims behind": ("limits:\n  nvidia.com/gpu: 1\nclaims:\n- name: x\n", "3"),
}


@pytest.mark.parametrize("resources, slices", ODD.values(), ids=ODD)
def test_odd_resources(write, resources, slices):
    text = workload("Pod", "v1")[0]
    text = text[:text.index("spec:")] + "spec:\n" + pod_spec(2, resources)
    path = write(text)
    patch = json.loads(run("review", "-o", "patch", path)[1])
    after = jsonpatch.apply_patch(parse(text), patch)
    found = after["spec"]["containers"][0]["resources"]
    assert found["limits"][SHARED] == found["requests"][SHARED] == slices
    status, stdout, stderr = run("review", "-o", "object", path)
    assert (status, stderr) == (0, "")
    assert parse(stdout) == after
    assert all(comment in stdout for comment in ("# later", "# memory: 2Gi") if comment in text)


# ---- the forms of output -----------------------------------------------------

@pytest.mark.parametrize("name", RECORDED)
def test_recorded_reviews_in_every_form(name):
    path = REVIEWS / f"{name}.json"
    review = recorded(name)
    expected_status = 1 if name in DENIED else 0
    results = {}
    for form in ("text", "json", "patch", "object", "admission"):
        status, results[form], stderr = run("review", "-o", form, path)
        assert status == expected_status
        assert bool(stderr) == (name in DENIED and form in ("patch", "object"))
    response = json.loads(results["admission"])["response"]
    told = json.loads(results["json"])
    assert response["uid"] == review["request"]["uid"]
    assert response["allowed"] == told["allowed"] == (name not in DENIED)
    patch = json.loads(base64.b64decode(response["patch"])) if "patch" in response else []
    assert patch == told["patch"] == json.loads(results["patch"])
    assert bool(patch) == told["mutated"] == (name not in DENIED | UNCHANGED)
    if name in DENIED:
        assert results["object"] == ""
        assert told["message"] == response["status"]["message"] and told["message"] in results["text"]
        return
    review["request"]["object"] = jsonpatch.apply_patch(review["request"]["object"], patch)
    assert json.loads(results["object"]) == review
    if not patch:
        assert results["object"] == path.read_text()
    for container, slices in told["slices"].items():
        assert f"  {container}: " in results["text"] and f"{slices} slice" in results["text"]


def test_json_has_its_fields_in_order(write):
    text, _ = workload("Deployment", "apps/v1")
    status, stdout, stderr = run("review", "-o", "json", write(text))
    assert (status, stderr) == (0, "")
    fields = json.loads(stdout)
    assert list(fields) == ["name", "namespace", "allowed", "mutated", "slices", "reason", "rule", "message", "warnings", "notes", "patch"]
    assert fields["name"] == "work" and fields["namespace"] == "ml" and fields["slices"] == {"main": 3}
    assert fields["reason"] == "slice-ratio=3" and fields["rule"] == fields["message"] == "" and fields["warnings"] == []


def test_admission_of_a_manifest(write):
    text, template = workload("CronJob", "batch/v1")
    answer = json.loads(run("review", "-o", "admission", write(text))[1])
    assert answer["kind"] == "AdmissionReview" and answer["apiVersion"] == "admission.k8s.io/v1"
    assert answer["response"]["uid"] == NO_UID and answer["response"]["allowed"] is True
    patch = json.loads(base64.b64decode(answer["response"]["patch"]))
    after = jsonpatch.apply_patch(at(yaml.safe_load(text), template), patch)
    assert after["spec"]["containers"][0]["resources"]["limits"] == {SHARED: "3"}


def test_text_of_a_change(write):
    text = "# mine\n" + workload("Deployment", "apps/v1")[0].replace("gpu: 1", "gpu: 1   # one")
    path = write(text)
    status, stdout, stderr = run("review", path)
    number, line = next((i, line) for i, line in enumerate(text.splitlines(), 1) if GPU in line)
    indent = line[:line.index(GPU)]
    assert (status, stderr) == (0, "")
    assert stdout.splitlines() == [
        f"{path}:2: Deployment work (namespace ml)",
        "  allowed, changed: nvidia.com/gpu → nvidia.com/gpu-shared",
        "  why: slice-ratio=3",
        "  main: 1 GPU → 3 slices",
        f"  {number:5} - {indent}nvidia.com/gpu: 1   # one",
        f"        + {indent}nvidia.com/gpu-shared: \"3\"   # one",
        f"        + {indent[2:]}requests:",
        f"        + {indent}nvidia.com/gpu-shared: \"3\"",
    ]


def test_text_of_what_stays(write):
    stdout = run("review", write("kind: Pod\nmetadata: {name: p}\n"))[1]
    assert stdout.endswith(": Pod p (namespace default)\n  allowed, unchanged: no container asks for whole GPUs "
                           "(nvidia.com/gpu) that can be shared\n")


def test_text_of_long_lines_lists_operations(write):
    text = json.dumps(yaml.safe_load(workload("Deployment", "apps/v1")[0]))
    stdout = run("review", write(text))[1]
    assert "    remove /spec/template/spec/containers/0/resources/limits/nvidia.com~1gpu\n" in stdout
    assert "    add /spec/template/spec/containers/0/resources/requests/nvidia.com~1gpu-shared \"3\"\n" in stdout


def test_lines_cannot_write_to_the_terminal(write):
    text = workload("Pod", "v1")[0]
    resources = '{"limits": {"nvidia.com/gpu": 1, "odd\u009b\u007f": "2"}}'
    pod = json.dumps(yaml.safe_load(text) | {"spec": None})
    pod = pod.replace("null", '{"containers": [{"name": "main", "resources":\n\t' + resources + "\n}]}")
    path = write(pod, "m.json")
    status, stdout, stderr = run("review", path)
    assert (status, stderr) == (0, "") and "\u009b" not in stdout and "\x7f" not in stdout
    assert '- \t{"limits": {"nvidia.com/gpu": 1, "odd??": "2"}}' in stdout
    for form in "object", "patch", "json":
        status, stdout, stderr = run("review", "-o", form, path)
        assert (status, stderr) == (0, "") and "??" not in stdout
    assert "odd\u009b\u007f" in run("review", "-o", "object", path)[1]


def test_operations_cannot_write_to_the_terminal(write, policy):
    bundle = policy('return function()\n  return { resource = "nvidia.com/gpu-shared", ratio = 3, annotations = '
                    '{ ["castops.io/x"] = "odd\\u{9b}\\u{7f}" } }\nend\n')
    path = write(json.dumps(yaml.safe_load(workload("Pod", "v1")[0]) | {"x": "y" * 300}), "m.json")
    status, stdout, stderr = run("review", "--policy", bundle, path)
    assert (status, stderr) == (0, "") and '"odd??"' in stdout
    assert "odd\u009b\u007f" in run("review", "--policy", bundle, "-o", "patch", path)[1]


# ---- size: what is quadratic in one of these takes longer than run() waits -----

def test_many_pods_on_one_line(write):
    pod = yaml.safe_load(workload("Pod", "v1")[0])
    path = write(json.dumps({"apiVersion": "v1", "kind": "List", "items": [pod] * 16000}), "m.json")
    for form in "text", "object":
        status, stdout, stderr = run("review", "-o", form, path)
        assert (status, stderr) == (0, "") and stdout.count("gpu-shared") >= 16000


def test_many_anchors(write):
    count = 120000
    text = "apiVersion: v1\nkind: ConfigMap\ndata:\n"
    path = write(text + "".join(f"  a{i}: &a{i} x\n  b{i}: *a0\n" for i in range(count)))
    status, stdout, stderr = run("review", path)
    assert (status, stdout) == (0, "") and "ConfigMap has no Pods" in stderr


def test_names_cannot_write_to_the_terminal(write):
    stdout = run("review", write('{"kind": "Pod", "metadata": {"name": "a\\u001b[31mb\\u009b"}}'))[1]
    assert ": Pod a?[31mb? (namespace" in stdout


# ---- several documents, lists, stdin -----------------------------------------

def test_several_documents(write):
    pod, _ = workload("Pod", "v1")
    service = "apiVersion: v1\nkind: Service\nmetadata: {name: s}   # not ours\n"
    job = json.dumps(yaml.safe_load(workload("Job", "batch/v1")[0]))
    path = write(f"# first\n{pod}---\n{service}...\n---   # third\n{job}\n")
    status, stdout, stderr = run("review", "-o", "json", path)
    assert status == 0 and [p["name"] for p in lines(stdout)] == ["work", "work"]
    assert stderr == f"{path}:{pod.count(chr(10)) + 3}: Service has no Pods; skipped\n"
    status, stdout, _ = run("review", "-o", "object", path)
    assert status == 0
    patches = [json.loads(line) for line in run("review", "-o", "patch", path)[1].splitlines()]
    before = list(yaml.safe_load_all(path.read_text()))
    assert list(yaml.safe_load_all(stdout)) == [jsonpatch.apply_patch(before[0], patches[0]), before[1],
                                                jsonpatch.apply_patch(before[2], patches[1])]
    assert service in stdout and "---   # third\n{" in stdout and stdout.startswith("# first\n")


def test_json_values_one_after_another(write):
    pod = json.dumps(yaml.safe_load(workload("Pod", "v1")[0]))
    path = write(f"{pod}\n{pod}{pod}\n", "m.json")
    assert len(run("review", "-o", "patch", path)[1].splitlines()) == 3
    status, stdout, _ = run("review", "-o", "object", path)
    assert status == 0 and stdout.count("\n") == 2
    first, _, rest = stdout.partition("\n")
    assert rest == first + first + "\n"


@pytest.mark.parametrize("style", ["block", "json-lines", "json-compact", "flow"])
def test_list(write, style):
    items = [yaml.safe_load(workload(kind, version)[0]) for kind, version in KINDS]
    items.insert(2, {"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "b"}})
    document = {"apiVersion": "v1", "kind": "List", "items": items}
    dump = {"block": lambda d: yaml.safe_dump(d, sort_keys=False), "json-lines": lambda d: json.dumps(d, indent=4),
            "json-compact": lambda d: json.dumps(d, separators=(",", ":")),
            "flow": lambda d: yaml.safe_dump(d, default_flow_style=True)}[style]
    path = write(dump(document).encode())
    status, stdout, stderr = run("review", "-o", "patch", path)
    assert status == 0 and stderr.endswith("ConfigMap has no Pods; skipped\n")
    patches = lines(stdout)
    assert len(patches) == len(KINDS) and patches[2][0]["path"].startswith("/items/3/spec/template/spec/")
    after = document
    for patch in patches:
        after = jsonpatch.apply_patch(after, patch)
    status, stdout, _ = run("review", "-o", "object", path)
    assert status == 0 and yaml.safe_load(stdout) == after
    told = run("review", path)[1]
    assert told.count("allowed, changed") == len(KINDS)


def test_typed_list(write):
    item = yaml.safe_load(workload("Deployment", "apps/v1")[0])
    del item["kind"], item["apiVersion"]
    path = write(json.dumps({"kind": "DeploymentList", "apiVersion": "apps/v1", "items": [item, item]}, indent=1))
    assert [p["slices"] for p in lines(run("review", "-o", "json", path)[1])] == [{"main": 3}, {"main": 3}]


def test_stdin():
    text, _ = workload("Pod", "v1")
    status, stdout, _ = run("review", "-", stdin=text)
    assert status == 0 and stdout.startswith("-:1: Pod work (namespace default)\n")
    assert run("review", "-o", "object", "-", stdin=text)[0] == 0


def test_several_files(write):
    pod = write(workload("Pod", "v1")[0].rstrip("\n"), "a.yaml")
    job = write(workload("Job", "batch/v1")[0], "b.yaml")
    status, stdout, _ = run("review", "-o", "object", pod, job)
    assert status == 0 and [d["kind"] for d in yaml.safe_load_all(stdout)] == ["Pod", "Job"]
    one = write(json.dumps(yaml.safe_load(pod.read_text())), "a.json")
    status, stdout, _ = run("review", "-o", "object", one, one)
    assert status == 0 and len(lines(stdout)) == 2


def test_a_byte_order_mark_stays(write):
    text = b"\xef\xbb\xbf" + workload("Pod", "v1")[0].encode()
    status, stdout, _ = run("review", "-o", "object", write(text))
    assert status == 0 and stdout.startswith("\ufeffapiVersion: v1\n") and SHARED in stdout


def test_large_list(write):
    """As `kubectl get pods -A -o json` of a large cluster prints it; linear in its size."""
    pod = yaml.safe_load(workload("Pod", "v1")[0])
    path = write(json.dumps({"kind": "List", "items": [pod] * 5000}, indent=4))
    status, stdout, _ = run("review", "-o", "object", path)
    assert status == 0 and stdout.count(SHARED) == 10000
    assert run("review", path)[1].count("allowed, changed") == 5000


# ---- what stands for the cluster ---------------------------------------------

POLICY = """\
    return function(pod)
      return { ratio = 1, reason = table.concat({ pod.namespace, pod.name, pod.generate_name,
               pod.owner and pod.owner.kind or "none", pod.owner and pod.owner.name or "none" }, " ") }
    end
    """


@pytest.fixture
def policy(tmp_path):
    def make(text):
        folder = tmp_path / "bundle"
        folder.mkdir(exist_ok=True)
        (folder / "policy.lua").write_text(textwrap.dedent(text))
        return folder
    return make


@pytest.mark.parametrize("kind, expected", [
    ("Pod", "default work  none none"),
    ("Deployment", "ml  work-0000000000- ReplicaSet work-0000000000"),
    ("ReplicaSet", "ml  work- ReplicaSet work"),
    ("StatefulSet", "ml work-0 work- StatefulSet work"),
    ("DaemonSet", "ml  work- DaemonSet work"),
    ("Job", "ml  work- Job work"),
    ("CronJob", "ml  work-00000000- Job work-00000000"),
])
def test_what_the_policy_sees(write, policy, kind, expected):
    path = write(workload(kind, dict(KINDS)[kind])[0])
    status, stdout, stderr = run("review", "--policy", policy(POLICY), "-o", "json", path)
    assert (status, stderr) == (0, "")
    assert json.loads(stdout)["reason"] == expected
    status, stdout, _ = run("review", "--policy", policy(POLICY), "--namespace", "other", "-o", "json", path)
    assert json.loads(stdout)["reason"].startswith("other ") and json.loads(stdout)["namespace"] == "other"


def test_a_review_keeps_its_namespace(policy):
    name = "trainer-statefulset"
    stdout = run("review", "--policy", policy(POLICY), "--namespace", "other", "-o", "json", REVIEWS / f"{name}.json")[1]
    assert json.loads(stdout)["namespace"] == "default"
    assert json.loads(stdout)["reason"] == "default trainer-statefulset-0 trainer-statefulset- StatefulSet trainer-statefulset"


METADATA_POLICY = """\
    return { resource = "example.com/slice", decide = function(pod)
      return { ratio = 2, reason = "because", rule = "third", warnings = { "mind the gap" },
               annotations = { ["team.example/a"] = "x: y # z", ["team.example/b"] = "yes" }, labels = { yes = "no" } }
    end }
    """


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("template", [
    "",
    "metadata: {}\n",
    "metadata:\n",
    "metadata:\n  labels:\n    app: x\n",
    "metadata:\n  annotations:\n    team.example/a: mine\n  labels: {app: x}\n",
    "metadata:\n  creationTimestamp: null\n",
], ids=["none", "empty", "null", "labels", "both", "other"])
def test_metadata_that_a_policy_adds(write, policy, style, template):
    text = "apiVersion: batch/v1\nkind: Job\nmetadata:\n  name: j\nspec:\n  template:\n" + textwrap.indent(template, "    ") + \
        "    spec:\n" + pod_spec(6)
    text = STYLES[style](text)
    path = write(text.encode())
    bundle = policy(METADATA_POLICY)
    status, stdout, stderr = run("review", "--policy", bundle, "-o", "patch", path)
    assert status == 0 and stderr == f"{path}:{2 if 'comments' in style else 1}: warning: mind the gap\n"
    after = jsonpatch.apply_patch(parse(text), json.loads(stdout))
    status, stdout, _ = run("review", "--policy", bundle, "-o", "object", path)
    assert status == 0
    assert parse(stdout) == after
    metadata = after["spec"]["template"]["metadata"]
    assert metadata["annotations"]["team.example/b"] == "yes" and metadata["labels"]["yes"] == "no"
    told = run("review", "--policy", bundle, path)[1]
    assert "  why: because (rule third)\n" in told and "  warning: mind the gap\n" in told
    assert "nvidia.com/gpu → example.com/slice" in told


def test_resources_that_differ(write, policy):
    bundle = policy("""\
        return function(pod)
          return { ratio = 2, containers = { a = { resource = "x.example/a" }, b = { resource = "x.example/b", ratio = 3 } } }
        end
        """)
    path = write("""\
        kind: Pod
        metadata: {name: p}
        spec:
          containers:
          - {name: a, resources: {limits: {nvidia.com/gpu: 1}}}
          - {name: b, resources: {limits: {nvidia.com/gpu: 2}}}
        """)
    told = run("review", "--policy", bundle, path)[1]
    assert "  allowed, changed\n" in told
    assert "  a: 1 GPU → 2 slices of x.example/a\n  b: 2 GPUs → 6 slices of x.example/b\n" in told


# ---- what cannot be decided --------------------------------------------------

ERRORS = {
    "a boolean annotation": ("kind: Pod\nmetadata:\n  annotations:\n    castops.io/optimize: true\n",
                             4, 'metadata.annotations["castops.io/optimize"] must be a string: write it as "true"'),
    "a number": ("kind: Job\nspec:\n  template:\n    metadata: {annotations: {castops.io/slice-ratio: 4}}\n",
                 4, 'spec.template.metadata.annotations["castops.io/slice-ratio"] must be a string: write it as "4"'),
    "a key twice": ("kind: Pod\nspec:\n  containers: []\n  containers: []\n",
                    4, 'bad YAML: the key "containers" occurs twice in one mapping'),
    "a key twice in JSON": ('{"kind": "Pod",\n "spec": {"a": 1,\n"a": 2}}', 3,
                            'bad JSON: the key "a" occurs twice in one object'),
    "a tab": ("kind: Pod\nspec:\n\tcontainers: []\n", 3, "bad YAML: a tab where only spaces may indent"),
    "no mapping": ("- kind: Pod\n", 1, "not a Kubernetes object: it must be a mapping"),
    "no kind": ("# c\napiVersion: v1\n", 2, "not a Kubernetes object: kind is missing"),
    "no template": ("kind: Deployment\nspec: {}\n", 1, "Deployment has no spec.template"),
    "a review without a request": ('\n{"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1"}\n',
                                   2, "request: missing or no object"),
    "a review of an unknown version": ('{"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v2"}', 1, "apiVersion: "),
    "a review without a uid": ('{"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "request": {}}', 1, "request.uid: "),
    "truncated JSON": ('{"kind": "Pod",\n"spec": {', 2, "bad JSON: "),
    "a trailing comma": ('{"kind": "Pod",}', 1, "bad JSON: "),
    "no UTF-8": (b"kind: Pod\nx: \xff\n", 2, "bad YAML: invalid leading UTF-8 octet"),
    "UTF-16": ("kind: Pod\n".encode("utf-16"), 1, "bad YAML: "),
    "an alias of nothing": ("kind: Pod\nspec: *x\n", 2, "bad YAML: an alias of an anchor that is not there"),
    "laughter": ("kind: Pod\na0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" +
                 "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 20)), 7,
                 "more than 1000000 values, what aliases stand for included"),
    "depth": ("kind: Pod\nx: " + "[" * 50000, 2, "bad YAML: nested too deep"),
    "a template": ("kind: Pod\nspec: {{ .Values.spec }}\n", 2, "bad YAML: a key that is no text; a template must be rendered first"),
}


@pytest.mark.parametrize("form", ["text", "json", "patch", "object", "admission"])
@pytest.mark.parametrize("text, line, sentence", ERRORS.values(), ids=ERRORS)
def test_bad_documents(write, text, line, sentence, form):
    path = write(text if isinstance(text, bytes) else text.encode(), "m.json" if "bad JSON" in sentence else "m.yaml")
    status, stdout, stderr = run("review", "-o", form, path)
    assert (status, stdout) == (2, "")
    assert stderr.startswith(f"{path}:{line}: {sentence}") and stderr.count("\n") == 1


def test_braces_in_a_yaml_file_are_yaml(write):
    text = '{"kind": Pod, "metadata": {annotations: {castops.io/optimize: "true",},}, # c\n' \
           ' "spec": {"containers": [{name: m, resources: {"limits": {"nvidia.com/gpu": 1}}}]}}'
    status, stdout, _ = run("review", "-o", "object", write(text))
    assert status == 0 and parse(stdout)["spec"]["containers"][0]["resources"]["requests"] == {SHARED: "1"}
    assert run("review", "-", stdin=text)[0] == 2


def test_a_bad_document_does_not_hide_the_others(write):
    pod, _ = workload("Pod", "v1")
    path = write(f"{pod}---\nkind: [\n---\n{pod}")
    status, stdout, stderr = run("review", "-o", "object", path)
    assert status == 2 and stderr.startswith(f"{path}:{pod.count(chr(10)) + 3}: bad YAML: ")
    assert [d["kind"] for d in yaml.safe_load_all(stdout)] == ["Pod", "Pod"]
    status, stdout, _ = run("review", "-o", "json", path)
    assert status == 2 and len(lines(stdout)) == 2


def test_files_that_cannot_be_read(tmp_path, write):
    missing = tmp_path / "missing.yaml"
    assert run("review", missing) == (2, "", f"{missing}: No such file or directory\n")
    assert run("review", tmp_path) == (2, "", f"{tmp_path}: Is a directory\n")
    good = write(workload("Pod", "v1")[0])
    status, stdout, stderr = run("review", missing, good)
    assert status == 2 and "Pod work" in stdout and stderr.count("\n") == 1


@pytest.mark.parametrize("text", ["", "\n# nothing\n", "---\n---\n"])
def test_nothing_to_review(write, text):
    path = write(text)
    assert run("review", path) == (0, "", f"{path}: nothing in it to review\n")


def test_a_file_too_large():
    status, stdout, stderr = run("review", "/dev/zero")
    assert (status, stdout, stderr) == (2, "", "/dev/zero: larger than 64 MiB\n")


def test_a_denied_pod(write):
    bad = workload("Deployment", "apps/v1", ratio="many")[0]
    good, _ = workload("Pod", "v1")
    path = write(f"{bad}---\n{good}")
    sentence = 'castops.io/slice-ratio: "many" is not a whole number from 1 to 1024'
    status, stdout, stderr = run("review", path)
    assert (status, stderr) == (1, "") and f"  denied: {sentence}\n" in stdout
    status, stdout, stderr = run("review", "-o", "json", path)
    denied, allowed = lines(stdout)
    assert status == 1 and denied["allowed"] is False and denied["message"] == sentence and denied["patch"] == []
    assert allowed["allowed"] is True
    status, stdout, stderr = run("review", "-o", "patch", path)
    assert status == 1 and lines(stdout)[0] == [] and stderr == f"{path}:1: denied: {sentence}\n"
    status, stdout, stderr = run("review", "-o", "object", path)
    assert status == 1 and stderr == f"{path}:1: denied: {sentence}\n"
    assert [d["kind"] for d in yaml.safe_load_all(stdout) if d] == ["Pod"]


def test_notes(write):
    path = write("""\
        kind: Deployment
        metadata:
          name: d
          annotations:
            castops.io/optimize: "true"
        spec: {template: {spec: {containers: []}}}
        """)
    status, stdout, stderr = run("review", "-o", "patch", path)
    assert (status, stdout) == (0, "[]\n")
    assert stderr == f"{path}:5: castops.io/optimize is on the Deployment; CastSlice reads the Pod template's " \
                     "(spec.template.metadata.annotations)\n"


# ---- text that is shared -----------------------------------------------------

SHARED_TEXT = {
    "a container of two Pods": ("""\
        kind: List
        items:
        - kind: Pod
          metadata: {name: a, annotations: {castops.io/optimize: "true"}}
          spec:
            containers:
            - &c {name: m, resources: {limits: {nvidia.com/gpu: 1}}}
        - kind: Pod
          metadata: {name: b}
          spec:
            containers: [*c]
        """, 7),
    "a merge": ("""\
        kind: Pod
        metadata: {name: a, annotations: {castops.io/optimize: "true"}}
        x-limits: &l {nvidia.com/gpu: 1}
        spec:
          containers:
          - name: m
            resources:
              limits:
                <<: *l
                cpu: 1
        """, 9),
}


@pytest.mark.parametrize("text, line", SHARED_TEXT.values(), ids=SHARED_TEXT)
def test_text_that_others_share_is_not_changed(write, text, line):
    path = write(text)
    status, stdout, stderr = run("review", "-o", "object", path)
    assert (status, stdout) == (2, "")
    assert stderr == f"{path}:{line}: an anchor, alias or merge key shares this with other places, so it cannot be changed " \
                     "for one of them; write it out, or use -o patch\n"
    status, stdout, _ = run("review", path)
    assert status == 0 and "    remove /" in stdout
    status, stdout, _ = run("review", "-o", "patch", path)
    assert status == 0 and lines(stdout)[0]


def test_text_that_all_share_alike_is_changed(write):
    text = SHARED_TEXT["a container of two Pods"][0].replace("{name: b}", '{name: b, annotations: {castops.io/optimize: "true"}}')
    status, stdout, stderr = run("review", "-o", "object", write(text))
    assert (status, stderr) == (0, "")
    assert stdout == textwrap.dedent(text).replace(
        "{limits: {nvidia.com/gpu: 1}}", '{limits: {nvidia.com/gpu-shared: "1"}, requests: {nvidia.com/gpu-shared: "1"}}')


# ---- policies that fail, and the command itself ------------------------------

def test_a_policy_that_fails(write, policy):
    bundle = policy("return function(pod)\n  return pod.nothing.more\nend\n")
    path = write(workload("Pod", "v1")[0])
    for form in ("text", "json", "patch", "object", "admission"):
        status, stdout, stderr = run("review", "--policy", bundle, "-o", form, path)
        assert (status, stdout) == (2, "")
        assert stderr.startswith(f"{bundle}/policy.lua:2: ") and stderr.count("\n") == 1
    status, stdout, stderr = run("review", "--policy", bundle, path, path)
    assert (status, stdout) == (2, "")
    assert stderr.startswith(f"{path}:1: {bundle}/policy.lua:2: ") and stderr.count("\n") == 2


def test_a_policy_that_cannot_be_loaded(write, policy, tmp_path):
    path = write(workload("Pod", "v1")[0])
    bundle = policy("return function(pod\n")
    status, stdout, stderr = run("review", "--policy", bundle, path)
    assert (status, stdout) == (2, "") and stderr.startswith(f"{bundle}/policy.lua:")
    status, stdout, stderr = run("review", "--policy", tmp_path / "nowhere", path)
    assert (status, stdout) == (2, "") and "nowhere" in stderr


def test_usage():
    status, stdout, stderr = run("review")
    assert (status, stdout) == (2, "") and "which file?" in stderr and "--help" in stderr
    status, stdout, stderr = run("review", "--outptu", "json", "x")
    assert (status, stdout) == (2, "") and "--output" in stderr
    status, stdout, stderr = run("review", "-o", "yaml", "x")
    assert (status, stdout) == (2, "") and "text, json, patch, object or admission" in stderr
    status, stdout, stderr = run("review", "--help")
    assert (status, stderr) == (0, "")
    assert all(word in stdout for word in ("Usage:", "--policy", "-o object", "Exit status", "admission", "text"))


def test_a_full_disk_is_told(write):
    with open("/dev/full", "w") as full:
        done = subprocess.run([CASTSLICE, "review", write(workload("Pod", "v1")[0])], stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 2 and b"cannot write" in done.stderr


def test_the_example_of_the_docs_is_what_it_prints():
    shown = (ROOT / "docs/review.md").read_text().split("$ castslice review docs/ollama.yaml\n")[1].split("```")[0]
    done = subprocess.run([CASTSLICE, "review", "docs/ollama.yaml"], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, shown, "")
