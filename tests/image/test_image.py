"""The image `make image` wrote, unpacked by another tool than the one that wrote it, and started as a container would:
its own root, read-only, as user 65532, with nothing but what is in it.
"""
import json
import os
import pathlib
import subprocess
import tarfile

import pytest

import harness
from harness import REVIEWS, ROOT, Server, operations, recorded

IMAGE = ROOT / "build/image/castslice.oci.tar"
PROGRAM = "/usr/bin/castslice"
BUDGET = 8_000_000                                      # bytes, compressed


class Image:
    """The archive: its manifest, its configuration, and the members of its one layer."""

    def __init__(self, path, folder):
        with tarfile.open(path) as archive:
            archive.extractall(folder)
        self.folder = folder
        (entry,) = json.loads((folder / "index.json").read_text())["manifests"]
        self.name = entry["annotations"]["org.opencontainers.image.ref.name"]
        self.manifest = self.blob(entry["digest"])
        self.config = self.blob(self.manifest["config"]["digest"])

    def path(self, digest):
        return self.folder / "blobs" / digest.replace(":", "/")

    def blob(self, digest):
        return json.loads(self.path(digest).read_text())

    def layer(self):
        (layer,) = self.manifest["layers"]
        with tarfile.open(self.path(layer["digest"])) as tar:
            return tar.getmembers()


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    return Image(IMAGE, tmp_path_factory.mktemp("layout"))


@pytest.fixture(scope="module")
def bundle(image, tmp_path_factory):
    """umoci's view: the root file system, and what a container runtime is told."""
    folder = tmp_path_factory.mktemp("unpacked") / "bundle"
    rootless = [] if os.geteuid() == 0 else ["--rootless"]
    subprocess.run(["umoci", "unpack", *rootless, "--image", f"{image.folder}:{image.name}", folder], check=True,
                   stdout=subprocess.DEVNULL, umask=0o022)      # the root folder itself is no member of the layer
    return folder


def contained(root):
    """The words before the program that start it in its root: read-only and as 65532 for root, else as we are."""
    clean = ["/usr/bin/env", "-i"]
    if os.geteuid() != 0:
        return [*clean, "/usr/bin/unshare", "--user", f"--root={root}"]
    script = 'mount --bind "$0" "$0"; mount -o remount,bind,ro "$0"; exec chroot --userspec=65532:65532 "$0" "$@"'
    return [*clean, "/usr/bin/unshare", "--mount", "/bin/sh", "-ec", f"PATH=/usr/sbin:/usr/bin:/sbin:/bin; {script}", root]


# ---- what is in it -----------------------------------------------------------

def libraries():
    """The program's libraries and its loader, as the loader here finds them."""
    listing = subprocess.run(["ldd", harness.CASTSLICE], capture_output=True, text=True, check=True).stdout
    return {word for word in listing.split() if word.startswith("/")}


def test_the_layer_holds_the_program_and_its_libraries_alone(image):
    files = {"/" + member.name for member in image.layer() if not member.isdir()}
    assert files == {PROGRAM} | libraries()
    folders = {"/" + member.name for member in image.layer() if member.isdir()}
    assert folders == {str(parent) for file in files for parent in pathlib.PurePath(file).parents} - {"/"}


def test_nothing_in_it_can_be_changed_or_raises_rights(image):
    for member in image.layer():
        assert member.isfile() or member.isdir(), member.name
        assert (member.uid, member.gid, member.mode & 0o7777) == (0, 0, 0o755), member.name


def test_it_keeps_its_budget(image, capsys):
    (layer,) = image.manifest["layers"]
    with capsys.disabled():
        print(f'\n  one layer, {layer["size"]} bytes compressed, of {BUDGET}')
    assert layer["size"] < BUDGET


def test_all_its_times_are_one(image):
    assert len({member.mtime for member in image.layer()}) == 1
    assert image.config.get("history", []) == []


# ---- what a container runtime is told ----------------------------------------

def test_the_configuration(image):
    config = image.config["config"]
    assert config["User"] == "65532:65532"
    assert config["Entrypoint"] == [PROGRAM] and config["Cmd"] == ["serve"]
    assert config["ExposedPorts"].keys() == {"9443/tcp", "8080/tcp"}
    assert image.config["os"] == "linux"


def test_the_labels(image):
    labels = {key.removeprefix("org.opencontainers.image."): value for key, value in image.config["config"]["Labels"].items()}
    assert labels.keys() == {"title", "description", "version", "revision", "licenses"}
    version = subprocess.run([harness.CASTSLICE, "version"], capture_output=True, text=True, check=True).stdout.split()[1]
    assert labels["version"] == version and image.name == f"castslice:{version}"
    assert labels["licenses"] == "MIT" and (ROOT / "LICENSE").read_text().startswith("MIT")


def test_another_tool_reads_the_same(bundle):
    process = json.loads((bundle / "config.json").read_text())["process"]
    assert process["args"] == [PROGRAM, "serve"]
    assert (process["user"]["uid"], process["user"]["gid"]) == (65532, 65532)


# ---- how it runs -------------------------------------------------------------

def answers(prefix):
    """To every recorded review, and the probes."""
    with Server(prefix=prefix) as server:
        page = server.get("/healthz")
        assert (page.status, page.body) == (200, b"ok\n")
        assert server.get("/readyz").status == 200 and server.get("/metrics").status == 200
        status = pathlib.Path(f"/proc/{server.process.pid}/status").read_text()
        uid = int(status.split("Uid:")[1].split()[0])
        return uid, {path.stem: server.post(path.read_bytes()).body for path in sorted(REVIEWS.glob("*.json"))}


def test_it_answers_as_the_program_outside_does(bundle, monkeypatch):
    _, outside = answers(())
    monkeypatch.setattr(harness, "CASTSLICE", PROGRAM)
    uid, inside = answers(contained(bundle / "rootfs"))
    assert uid == (65532 if os.geteuid() == 0 else os.geteuid())
    assert inside == outside and len(inside) >= 10
    assert operations(json.loads(inside["ollama-inference"])["response"])


def test_the_other_commands_run_in_it(bundle):
    def inside(*arguments, **options):
        return subprocess.run([*contained(bundle / "rootfs"), PROGRAM, *arguments], capture_output=True, text=True, timeout=60,
                              **options)

    assert inside("version").stdout.startswith("castslice ")
    done = inside("review", "-", input=json.dumps(recorded("ollama-inference")))
    assert done.returncode == 0 and "gpu-shared" in done.stdout, done.stderr


def test_there_is_no_shell_in_it(bundle):
    done = subprocess.run([*contained(bundle / "rootfs"), "/bin/sh", "-c", "true"], capture_output=True)
    assert done.returncode != 0
