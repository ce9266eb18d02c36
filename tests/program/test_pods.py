"""A table of Pods and what each must become, through the running server and through `castslice review`.

The patch is applied by an independent RFC 6902 library, and the whole Pod is compared: what a row
does not name must not change.
"""
import copy
import json

import jsonpatch
import pytest

from harness import Server, operations, recorded, review_of, run

GPU, SHARED = "nvidia.com/gpu", "nvidia.com/gpu-shared"
OPTIMIZE, RATIO, TYPE = "castops.io/optimize", "castops.io/slice-ratio", "castops.io/workload-type"
UNCHANGED = {}


def gpu(quantity="1", **more):
    """Resources as the API server sends them: limits copied into requests."""
    return {"limits": {GPU: quantity, **more}, "requests": {GPU: quantity, **more}}


def container(resources=None, name="main", **fields):
    return {"name": name, "image": "app", **({} if resources is None else {"resources": resources}), **fields}


def pod(*containers, annotations=None, init=None, spec=None, metadata=None, ratio=None, kind=None):
    notes = {OPTIMIZE: "true"}
    if ratio is not None:
        notes[RATIO] = ratio
    if kind is not None:
        notes[TYPE] = kind
    if annotations is not None:
        notes = annotations
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "annotations": notes, **(metadata or {})},
            "spec": {"containers": list(containers or [container(gpu())]),
                     **({"initContainers": init} if init else {}), **(spec or {})}}


def slices(**by_container):
    return by_container


ONE = slices(main="1")
DENIED_RATIO = "castops.io/slice-ratio"
DENIED_TYPE = "castops.io/workload-type"
FOREIGN = {"limits": {"nvidia.com/mig-1g.5gb": "1"}, "requests": {"nvidia.com/mig-1g.5gb": "1"}}

ROWS = [
    # who is looked at
    ("opted in, nothing else said: ratio 1", pod(), ONE),
    ("no annotations at all", pod(annotations={}), UNCHANGED),
    ("optimize: false", pod(annotations={OPTIMIZE: "false"}), UNCHANGED),
    ("optimize: True", pod(annotations={OPTIMIZE: "True"}), UNCHANGED),
    ("optimize: 1", pod(annotations={OPTIMIZE: "1"}), UNCHANGED),
    ("optimize: yes", pod(annotations={OPTIMIZE: "yes"}), UNCHANGED),
    ("optimize: empty", pod(annotations={OPTIMIZE: ""}), UNCHANGED),
    ("optimize: true with a space", pod(annotations={OPTIMIZE: "true "}), UNCHANGED),
    ("optimize: true with a NUL behind it", pod(annotations={OPTIMIZE: "true\0x"}), UNCHANGED),
    ("the annotation in another case", pod(annotations={"castops.io/Optimize": "true"}), UNCHANGED),
    ("the annotation as a label", pod(annotations={}, metadata={"labels": {OPTIMIZE: "true"}}), UNCHANGED),
    ("not opted in, so a bad ratio is nobody's business", pod(annotations={RATIO: "zero"}), UNCHANGED),
    ("opted out, so a bad type is nobody's business", pod(annotations={OPTIMIZE: "no", TYPE: "zero"}), UNCHANGED),
    ("a mirror Pod", pod(annotations={OPTIMIZE: "true", "kubernetes.io/config.mirror": "abc"}), UNCHANGED),
    ("bound to a node already", pod(spec={"nodeName": "n1"}), UNCHANGED),
    ("nodeName empty is not bound", pod(spec={"nodeName": ""}), ONE),
    # the resolution order
    ("training", pod(kind="training"), slices(main="4")),
    ("inference", pod(kind="inference"), slices(main="2")),
    ("batch", pod(kind="batch"), slices(main="2")),
    ("dev", pod(kind="dev"), ONE),
    ("slice-ratio alone", pod(ratio="3"), slices(main="3")),
    ("slice-ratio beats workload-type", pod(ratio="3", kind="training"), slices(main="3")),
    ("slice-ratio beats a workload-type nobody knows", pod(ratio="3", kind="nonsense"), slices(main="3")),
    ("the largest ratio", pod(ratio="1024"), slices(main="1024")),
    ("the smallest ratio", pod(ratio="1", kind="training"), ONE),
    # values nobody understands
    *[(f"slice-ratio {value!r} is denied", pod(ratio=value), DENIED_RATIO) for value in
      ["0", "-1", "1.5", " 4", "4 ", "+4", "0x4", "1e1", "٤", "", "1025", "9" * 20, "4\n", "04", "4\0", "four", "1_0"]],
    ("a bad slice-ratio is denied whatever the type", pod(ratio="x", kind="training"), DENIED_RATIO),
    *[(f"workload-type {value!r} is denied", pod(kind=value), DENIED_TYPE) for value in
      ["trainng", "Training", "", " training", "training ", "4", "training\0", "x" * 5000]],
    # GPUs times ratio
    ("two GPUs", pod(container(gpu("2")), ratio="4"), slices(main="8")),
    ("eight GPUs", pod(container(gpu("8")), kind="inference"), slices(main="16")),
    ("a quantity with k", pod(container(gpu("1k")), ratio="2"), slices(main="2000")),
    ("a quantity with an exponent", pod(container(gpu("1e3")), ratio="2"), slices(main="2000")),
    ("a quantity with E and an exponent", pod(container(gpu("2E1"))), slices(main="20")),
    ("a quantity with Ki", pod(container(gpu("1Ki"))), slices(main="1024")),
    ("a quantity in milli", pod(container(gpu("2000m")), ratio="3"), slices(main="6")),
    ("a quantity with a plus", pod(container(gpu("+2"))), slices(main="2")),
    ("a quantity with zeros behind the point", pod(container(gpu("2.000"))), slices(main="2")),
    ("a quantity with leading zeros", pod(container(gpu("002"))), slices(main="2")),
    ("a quantity as a JSON number", pod(container(gpu(2)), ratio="2"), slices(main="4")),
    ("a large quantity", pod(container(gpu("1T")), ratio="2"), slices(main="2000000000000")),
    ("a product of exactly 2^53", pod(container(gpu(str(2**53)))), slices(main=str(2**53))),
    ("a product beyond 2^53 stays", pod(container(gpu(str(2**52))), ratio="3"), UNCHANGED),
    ("a quantity beyond 2^63 stays", pod(container(gpu("9" * 25))), UNCHANGED),
    ("zero GPUs", pod(container(gpu("0"))), UNCHANGED),
    ("zero in another form", pod(container(gpu("0m"))), UNCHANGED),
    ("a negative quantity", pod(container(gpu("-1"))), UNCHANGED),
    ("half a GPU", pod(container(gpu("500m"))), UNCHANGED),
    ("half a GPU as a number", pod(container(gpu(0.5))), UNCHANGED),
    ("no quantity", pod(container(gpu("one"))), UNCHANGED),
    ("an empty quantity", pod(container(gpu(""))), UNCHANGED),
    ("a quantity of the wrong type", pod(container(gpu(True))), UNCHANGED),
    ("a null quantity", pod(container(gpu(None))), UNCHANGED),
    ("nothing to rewrite, so a bad ratio is nobody's business", pod(container({}), ratio="zero"), UNCHANGED),
    # limits and requests
    ("other resources stay", pod(container(gpu("1", cpu="2", memory="4Gi")), ratio="2"), slices(main="2")),
    ("requests in another form of the same value",
     pod(container({"limits": {GPU: "1"}, "requests": {GPU: "1000m"}})), ONE),
    ("limits only, no requests", pod(container({"limits": {GPU: "1"}}), ratio="2"), slices(main="2")),
    ("limits only, requests of something else",
     pod(container({"limits": {GPU: "1"}, "requests": {"cpu": "1"}}), ratio="2"), slices(main="2")),
    ("limits only, requests empty", pod(container({"limits": {GPU: "1"}, "requests": {}})), ONE),
    ("requests only", pod(container({"requests": {GPU: "1"}})), UNCHANGED),
    ("requests that differ", pod(container({"limits": {GPU: "2"}, "requests": {GPU: "1"}})), UNCHANGED),
    ("no resources", pod(container()), UNCHANGED),
    ("resources null", pod({"name": "main", "resources": None}), UNCHANGED),
    ("limits null", pod(container({"limits": None})), UNCHANGED),
    ("limits of the wrong type", pod(container({"limits": "1"})), UNCHANGED),
    ("requests of the wrong type", pod(container({"limits": {GPU: "1"}, "requests": [GPU]})), UNCHANGED),
    # other names
    ("a MIG slice", pod(container(FOREIGN)), UNCHANGED),
    ("an AMD GPU", pod(container({"limits": {"amd.com/gpu": "1"}, "requests": {"amd.com/gpu": "1"}})), UNCHANGED),
    ("the name in another case", pod(container({"limits": {"NVIDIA.com/gpu": "1"}})), UNCHANGED),
    ("a longer name", pod(container({"limits": {"nvidia.com/gpu.shared": "1"}})), UNCHANGED),
    ("already shared", pod(container({"limits": {SHARED: "2"}, "requests": {SHARED: "2"}}), ratio="4"), UNCHANGED),
    ("already shared, so a bad ratio is nobody's business",
     pod(container({"limits": {SHARED: "2"}, "requests": {SHARED: "2"}}), ratio="zero"), UNCHANGED),
    ("both names in one container", pod(container(gpu("1", **{SHARED: "2"})), ratio="4"), UNCHANGED),
    ("the target in requests only", pod(container({"limits": {GPU: "1"}, "requests": {GPU: "1", SHARED: "1"}})), UNCHANGED),
    ("a MIG slice beside a whole GPU", pod(container(FOREIGN, "mig"), container(gpu()), ratio="2"), slices(main="2")),
    ("resource claims stay", pod(container({**gpu(), "claims": [{"name": "c"}]})), ONE),
    # which containers
    ("two GPU containers", pod(container(gpu(), "a"), container(gpu("2"), "b"), ratio="3"), slices(a="3", b="6")),
    ("one with and one without", pod(container(gpu(), "a"), container(None, "b"), kind="training"), slices(a="4")),
    ("an init container", pod(container(), init=[container(gpu(), "i")], ratio="2"), slices(i="2")),
    ("init and main", pod(container(gpu()), init=[container(gpu("2"), "i")], ratio="2"), slices(main="2", i="4")),
    ("a native sidecar", pod(container(gpu()), init=[container(gpu(), "s", restartPolicy="Always")], ratio="3"),
     slices(main="3", s="3")),
    ("one shared already, one not",
     pod(container({"limits": {SHARED: "1"}, "requests": {SHARED: "1"}}, "a"), container(gpu(), "b"), ratio="2"),
     slices(b="2")),
    ("one invalid, one not", pod(container(gpu("0"), "a"), container(gpu(), "b"), ratio="2"), slices(b="2")),
    ("the same name twice", pod(container(gpu(), "a"), container(gpu("2"), "a"), ratio="2"), slices(a=["2", "4"])),
    ("a container without a name", pod({"image": "x", "resources": gpu()}), slices(**{"": "1"})),
    ("1,000 containers", pod(*[container(gpu(), f"c{i}") for i in range(1000)], ratio="2"),
     slices(**{f"c{i}": "2" for i in range(1000)})),
    ("an ephemeral container", pod(container(), spec={"ephemeralContainers": [container(gpu(), "e")]}), UNCHANGED),
    ("pod-level resources", pod(container(), spec={"resources": gpu()}), UNCHANGED),
    ("pod-level resources stay beside a container's", pod(spec={"resources": {"limits": {"cpu": "1"}}}), ONE),
    ("no containers", pod(spec={"containers": []}), UNCHANGED),
    ("containers null", pod(spec={"containers": None}), UNCHANGED),
    ("containers of the wrong type", pod(spec={"containers": {"resources": gpu()}}), UNCHANGED),
    ("a container that is no object", pod(spec={"containers": [None, 3, container(gpu())]}), ONE),
    # what else is in a Pod
    ("fields nobody knows", pod(spec={"future": {"deep": [1, {"x": None}]}}), ONE),
    ("numbers beyond 2^53", pod(spec={"big": 2**63 + 1}), ONE),
    ("non-ASCII text", pod(metadata={"labels": {"team": "größe 測試 🙂"}}), ONE),
    ("generateName instead of a name", pod(metadata={"name": None, "generateName": "p-"}), ONE),
    ("annotations null", pod(metadata={"annotations": None}), UNCHANGED),
    ("annotations of the wrong type", pod(metadata={"annotations": [OPTIMIZE]}), UNCHANGED),
    ("an annotation of the wrong type", pod(annotations={OPTIMIZE: True}), UNCHANGED),
    ("200 KB of annotations", pod(annotations={OPTIMIZE: "true", TYPE: "training", "note": "x" * 200_000}),
     slices(main="4")),
    ("another scheduler", pod(spec={"schedulerName": "volcano"}), ONE),
    ("tolerations stay", pod(spec={"tolerations": [{"key": GPU, "operator": "Exists"}]}), ONE),
]


def expected_pod(before, expectation):
    """The Pod with the resources of the named containers replaced, by hand and not by a patch."""
    after = copy.deepcopy(before)
    todo = {name: list(value) if isinstance(value, list) else [value] for name, value in expectation.items()}
    for listed in ("containers", "initContainers"):
        for c in after["spec"].get(listed) or []:
            values = todo.get(c.get("name", "")) if isinstance(c, dict) else None
            if not values or GPU not in (c.get("resources") or {}).get("limits", {}):
                continue
            value = values.pop(0)
            for part in ("limits", "requests"):
                resources = c["resources"].setdefault(part, {})
                resources.pop(GPU, None)
                resources[SHARED] = value
    assert not any(todo.values()), "the row names a container that the Pod lacks"
    return after


@pytest.fixture(scope="module")
def server():
    with Server() as running:
        connection = running.connect()
        running.keep = connection
        yield running
        connection.close()


def test_there_are_at_least_80_pods():
    assert len(ROWS) >= 80
    assert len({name for name, _, _ in ROWS}) == len(ROWS)


@pytest.mark.parametrize("before, expectation", [pytest.param(p, e, id=n) for n, p, e in ROWS])
def test_pod(server, tmp_path, before, expectation):
    review = review_of(before)
    answer = server.post(review, connection=server.keep)
    assert answer.status == 200, answer.body
    response = answer.json()["response"]
    if isinstance(expectation, str):
        assert response["allowed"] is False and response["status"]["code"] == 400
        message = response["status"]["message"]
        assert expectation in message and len(message.encode()) <= 500 and message.isprintable()
        assert "patch" not in response
    else:
        assert response["allowed"] is True
        after = jsonpatch.apply_patch(before, operations(response))
        assert after == expected_pod(before, expectation)
        assert ("patch" in response) == ("patchType" in response) == bool(expectation)
        again = server.post(review_of(after), connection=server.keep).json()["response"]
        assert again["allowed"] is True and "patch" not in again, "a second pass found something to do"
    path = tmp_path / "review.json"
    path.write_text(json.dumps(review))
    status, stdout, _ = run("review", "-o", "admission", path)
    assert status == (1 if isinstance(expectation, str) else 0)
    assert stdout.rstrip("\n").encode() == answer.body.rstrip(b"\n"), "the command answers other bytes than the server"


@pytest.mark.parametrize("name, expectation", [
    ("ollama-inference", slices(ollama="2")),
    ("whole-gpu-deployment", UNCHANGED),
    ("trainer-statefulset", slices(trainer="8")),
    ("node-daemonset", "6"),
    ("features-job", "2 2"),
    ("nightly-cronjob", "1"),
    ("sidecar-pod", "3 3"),
    ("dry-run-pod", "3 3"),
    ("mig-pod", UNCHANGED),
    ("shared-already-pod", UNCHANGED),
    ("rich-pod", slices(main="1")),
])
def test_recorded_review(server, name, expectation):
    review = recorded(name)
    response = server.review(review)
    assert response["uid"] == review["request"]["uid"] and response["allowed"] is True
    before = review["request"]["object"]
    after = jsonpatch.apply_patch(before, operations(response))
    if isinstance(expectation, str):
        carriers = [c["name"] for listed in ("containers", "initContainers") for c in before["spec"].get(listed, [])
                    if GPU in c.get("resources", {}).get("limits", {})]
        expectation = dict(zip(carriers, expectation.split(), strict=True))
    assert after == expected_pod(before, expectation)


@pytest.mark.parametrize("name, annotation", [("denied-ratio-pod", DENIED_RATIO), ("denied-type-pod", DENIED_TYPE)])
def test_recorded_denial(server, name, annotation):
    response = server.review(recorded(name))
    assert response["allowed"] is False
    assert response["status"]["code"] == 400 and annotation in response["status"]["message"]
