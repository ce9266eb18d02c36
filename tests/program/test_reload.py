"""What is mounted changes while the server runs: it takes over what is good and keeps what it has otherwise."""
import collections
import hashlib
import http.client
import itertools
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import threading
import time

import pytest

from harness import ROOT, SLOWNESS, Server, operations, review_of, run, until

POD = {"metadata": {"name": "pod", "annotations": {"castops.io/optimize": "true"}},
       "spec": {"containers": [{"name": "c", "resources": {"limits": {"nvidia.com/gpu": "1"}}}]}}
REVIEW = json.dumps(review_of(POD)).encode()
BROKEN = "return function(pod)\n  retrun nil\nend\n"
UNSEEN = ("--reload-poll-seconds", "3600")          # only the kernel's word counts


def policy(ratio):
    return f"local ratio = {ratio}\nreturn function() return {{ ratio = ratio }} end\n"


class Volume:
    """A ConfigMap or Secret as kubelet mounts it: what is seen are links through ..data."""

    def __init__(self, folder, files):
        self.folder, self.turn = folder, itertools.count()
        folder.mkdir()
        self.swap(files)

    def swap(self, files):
        """What kubelet's atomic writer does, in its order."""
        old = os.readlink(self.folder / "..data") if (self.folder / "..data").is_symlink() else None
        version = f"..2026_11_23_{next(self.turn)}"
        (self.folder / version).mkdir()
        for name, text in files.items():
            (self.folder / version / name).write_text(text)
        os.symlink(version, self.folder / "..data_tmp")
        os.rename(self.folder / "..data_tmp", self.folder / "..data")
        for name in files:
            if not (self.folder / name).is_symlink():
                os.symlink(f"..data/{name}", self.folder / name)
        if old:
            for link in self.folder.iterdir():
                if link.is_symlink() and not link.name.startswith("..") and link.name not in files:
                    link.unlink()
            shutil.rmtree(self.folder / old)


def slices(server, connection=None):
    answer = server.post(REVIEW, connection=connection)
    assert answer.status == 200, answer.body
    return int(next(o["value"] for o in operations(answer.json()["response"]) if o["op"] == "add"))


def until_slices(server, ratio):
    until(lambda: slices(server) == ratio, f"the policy with ratio {ratio}", 2)


def reloads(server, subject="policy"):
    samples = server.metrics()
    return tuple(int(samples[f'castslice_{subject}_reloads_total{{result="{result}"}}'])
                 for result in ("success", "failure"))


def until_reloads(server, expected, subject="policy"):
    until(lambda: reloads(server, subject) == expected, f"{expected} reloads, not {reloads(server, subject)}", 4)


def page(server):
    return server.get("/status").json()


# ---- the policy: how it changes ----------------------------------------------

def test_every_swap_of_a_volume_is_taken_over(tmp_path):
    volume = Volume(tmp_path / "policy", {"policy.lua": policy(1)})
    with Server("--policy", volume.folder, *UNSEEN) as server:
        assert slices(server) == 1 and reloads(server) == (0, 0)
        for ratio in range(2, 7):
            volume.swap({"policy.lua": policy(ratio)})
            until_slices(server, ratio)
            until_reloads(server, (ratio - 1, 0))


def test_files_come_and_go_with_a_swap(tmp_path):
    volume = Volume(tmp_path / "policy", {"policy.lua": policy(1)})
    with Server("--policy", volume.folder, *UNSEEN) as server:
        volume.swap({"policy.lua": policy("require 'number'"), "number.lua": "return 7"})
        until_slices(server, 7)
        volume.swap({"policy.lua": policy(8)})
        until_slices(server, 8)
        volume.swap({"policy.lua": policy("require 'number'")})
        until_reloads(server, (2, 1))
        assert "number" in page(server)["policy"]["last_attempt"]["error"] and slices(server) == 8


def write_in_place(file, text):
    file.write_text(text)


def rename_over(file, text):
    (file.parent / ".policy.lua.swp").write_text(text)
    os.rename(file.parent / ".policy.lua.swp", file)


def remove_and_write(file, text):
    file.unlink()
    file.write_text(text)


def put_the_folder_back(file, text):
    shutil.rmtree(file.parent)
    file.parent.mkdir()
    file.write_text(text)


def move_another_folder_in(file, text):
    new = file.parent.with_name("new")
    new.mkdir()
    (new / "policy.lua").write_text(text)
    os.rename(file.parent, file.parent.with_name(f"old{time.monotonic_ns()}"))
    os.rename(new, file.parent)


@pytest.mark.parametrize("edit", [write_in_place, rename_over, remove_and_write, put_the_folder_back,
                                  move_another_folder_in])
def test_every_way_to_edit_a_folder_is_seen_again_and_again(tmp_path, edit):
    file = tmp_path / "deep" / "policy" / "policy.lua"
    file.parent.mkdir(parents=True)
    file.write_text(policy(1))
    with Server("--policy", file.parent, *UNSEEN) as server:
        for ratio in (2, 3, 4):
            edit(file, policy(ratio))
            until_slices(server, ratio)


def test_a_link_to_the_folder_is_followed_when_it_moves(tmp_path):
    for ratio in (1, 2, 3):
        (tmp_path / f"release{ratio}").mkdir()
        (tmp_path / f"release{ratio}" / "policy.lua").write_text(policy(ratio))
    os.symlink("release1", tmp_path / "now")
    with Server("--policy", tmp_path / "now", *UNSEEN) as server:
        for ratio in (2, 3):
            os.symlink(f"release{ratio}", tmp_path / "next")
            os.rename(tmp_path / "next", tmp_path / "now")
            until_slices(server, ratio)
        (tmp_path / "release3" / "policy.lua").write_text(policy(9))
        until_slices(server, 9)


def test_a_folder_that_is_gone_for_a_while(tmp_path):
    folder = tmp_path / "policy"
    folder.mkdir()
    (folder / "policy.lua").write_text(policy(2))
    with Server("--policy", folder, "--reload-poll-seconds", "1") as server:
        os.rename(folder, tmp_path / "away")
        until_reloads(server, (0, 1))
        assert str(folder) in server.logged("policy not reloaded")["error"]
        assert slices(server) == 2 and server.get("/readyz").status == 200
        looked = time.monotonic()
        until(lambda: time.monotonic() - looked > 2.2, "two polls")     # the same trouble is told once
        assert reloads(server) == (0, 1)
        os.rename(tmp_path / "away", folder)
        until_reloads(server, (1, 1))
        assert server.logged("policy restored") and slices(server) == 2


def test_the_poll_sees_what_no_watch_can(tmp_path):
    """A file of the bundle is a link to a folder that nobody watches."""
    (tmp_path / "policy").mkdir()
    (tmp_path / "elsewhere").mkdir()
    target = tmp_path / "elsewhere" / "real.lua"
    target.write_text(policy(1))
    os.symlink("../elsewhere/real.lua", tmp_path / "policy" / "policy.lua")
    with Server("--policy", tmp_path / "policy", *UNSEEN) as blind, \
            Server("--policy", tmp_path / "policy", "--reload-poll-seconds", "1") as server:
        for ratio in (2, 3):
            target.write_text(policy(ratio))
            until(lambda: slices(server) == ratio, "the poll", 4)
        assert slices(blind) == 1 and reloads(blind) == (0, 0)
        blind.process.send_signal(signal.SIGHUP)
        until_slices(blind, 3)


def test_what_does_not_change_is_no_reload(tmp_path):
    folder = tmp_path / "policy"
    folder.mkdir()
    (folder / "policy.lua").write_text(policy(2))
    with Server("--policy", folder, "--reload-poll-seconds", "1") as server:
        os.utime(folder / "policy.lua")
        rename_over(folder / "policy.lua", policy(2))
        (folder / "README.md").write_text("nothing to do with it")
        looked = time.monotonic()
        until(lambda: time.monotonic() - looked > 2.2, "two polls")
        assert reloads(server) == (0, 0) and not server.line("policy reloaded")
        server.process.send_signal(signal.SIGHUP)
        until_reloads(server, (1, 0))


def test_a_signal_reloads_both_and_fails_for_each_alone(tmp_path, authority):
    policies = Volume(tmp_path / "policy", {"policy.lua": policy(2)})
    secret = Volume(tmp_path / "tls", authority.pair("one"))
    with Server("--policy", policies.folder, *certificate_flags(secret), *UNSEEN) as server:
        server.process.send_signal(signal.SIGHUP)
        until_reloads(server, (1, 0))
        until_reloads(server, (1, 0), "certificate")
        policies.swap({"policy.lua": BROKEN})
        until_reloads(server, (1, 1))
        server.process.send_signal(signal.SIGHUP)
        until_reloads(server, (1, 2))
        until_reloads(server, (2, 0), "certificate")


# ---- the policy: what is said ------------------------------------------------

def sum_of(folder):
    """As the documentation says people can make it."""
    return subprocess.run("sha256sum *.lua *.json cases.yaml 2>/dev/null | LC_ALL=C sort -k 2 | sha256sum", shell=True,
                          cwd=folder, check=True, capture_output=True, text=True).stdout.split()[0]


def infos(server):
    return [name for name in server.metrics() if name.startswith("castslice_policy_info")]


def test_a_broken_policy_is_refused_and_said_everywhere_until_it_is_mended(tmp_path):
    folder = tmp_path / "policy"
    volume = Volume(folder, {"policy.lua": policy(2)})
    with Server("--policy", folder, *UNSEEN) as server:
        good = sum_of(folder)
        started = server.metrics()["castslice_policy_last_reload_success_timestamp_seconds"]
        assert abs(started - time.time()) < 10 * SLOWNESS
        volume.swap({"policy.lua": BROKEN})
        until_reloads(server, (0, 1))
        line = server.logged("policy not reloaded")
        assert line["level"] == "error" and line["error"].startswith(f"{folder}/policy.lua:2: ")
        assert slices(server) == 2 and server.get("/readyz").status == 200
        samples = server.metrics()
        assert samples["castslice_policy_last_reload_successful"] == 0
        assert samples["castslice_policy_last_reload_success_timestamp_seconds"] == started
        assert infos(server) == [f'castslice_policy_info{{digest="{good[:12]}"}}']
        now = page(server)["policy"]
        assert now["digest"] == good and now["source"] == str(folder) and not now["fallback"]
        assert now["last_attempt"]["result"] == "failure" and now["last_attempt"]["error"] == line["error"]
        assert now["reloads"] == {"success": 0, "failure": 1}
        volume.swap({"policy.lua": policy(3)})
        until_slices(server, 3)
        until_reloads(server, (1, 1))
        samples = server.metrics()
        assert samples["castslice_policy_last_reload_successful"] == 1
        assert samples["castslice_policy_last_reload_success_timestamp_seconds"] > started
        assert infos(server) == [f'castslice_policy_info{{digest="{sum_of(folder)[:12]}"}}']
        now = page(server)["policy"]
        assert now["last_attempt"]["result"] == "success" and "error" not in now["last_attempt"]
        assert server.logged("policy reloaded")["digest"] == now["digest"][:12]


def test_a_preset_that_is_no_ratio_is_not_taken_over(tmp_path):
    """The mistake people make in the ConfigMap; it has no cases there."""
    text = (ROOT / "policies/default/policy.lua").read_text()
    assert "training  = 4" in text
    volume = Volume(tmp_path / "policy", {"policy.lua": text})
    with Server("--policy", volume.folder, *UNSEEN) as server:
        for wrong in ("0", '"4"', "4000"):
            volume.swap({"policy.lua": text.replace("training  = 4", f"training  = {wrong}")})
            refused = until(lambda: (page(server)["policy"]["last_attempt"].get("error") or ""), "the refusal")
            assert "presets.training: must be a whole number from 1 to 1024" in refused
            volume.swap({"policy.lua": text})
            until(lambda: page(server)["policy"]["last_attempt"]["result"] == "success", "the good one")
        assert slices(server) == 1


def test_taking_a_mistake_back_is_a_success(tmp_path):
    volume = Volume(tmp_path / "policy", {"policy.lua": policy(2)})
    with Server("--policy", volume.folder, *UNSEEN) as server:
        for turn in (1, 2):
            volume.swap({"policy.lua": BROKEN})
            until_reloads(server, (turn - 1, turn))
            volume.swap({"policy.lua": policy(2)})
            until_reloads(server, (turn, turn))
        assert server.metrics()["castslice_policy_last_reload_successful"] == 1 and slices(server) == 2


def test_the_digest_does_not_depend_on_the_place_of_a_bundle(tmp_path):
    default = ROOT / "policies/default"
    with Server("--policy", default, *UNSEEN) as server:
        assert page(server)["policy"]["digest"] == sum_of(default)
    (tmp_path / "policy.lua").write_bytes((default / "policy.lua").read_bytes())
    with Server("--policy", tmp_path, *UNSEEN) as server:
        mounted = page(server)["policy"]["digest"]
    with Server() as server:
        assert page(server)["policy"]["digest"] == mounted
        assert page(server)["policy"]["source"] == "embedded default"
        assert page(server)["certificate"]["source"] == "self-made"


def test_the_page_tells_no_secret(tmp_path, authority):
    secret = Volume(tmp_path / "tls", authority.pair("one"))
    with Server(*certificate_flags(secret)) as server:
        text = server.get("/status").body.decode()
        assert "PRIVATE" not in text and (secret.folder / "tls.key").read_text().split("\n")[1] not in text
        assert server.get("/status").headers["content-type"] == "application/json"


# ---- a broken start ----------------------------------------------------------

@pytest.mark.parametrize("broken", ["missing", "empty", "wrong"])
def test_the_embedded_default_stands_in_until_the_bundle_is_mended(tmp_path, broken):
    folder = tmp_path / "mount" / "policy"
    if broken != "missing":
        folder.mkdir(parents=True)
    if broken == "wrong":
        (folder / "policy.lua").write_text(BROKEN)
    with Server("--policy", folder, "--policy-fallback", "embedded", *UNSEEN) as server:
        line = server.logged("policy not loaded")
        assert line["level"] == "error" and str(folder) in line["error"] and "embedded" in line["serving"]
        samples = server.metrics()
        assert samples["castslice_policy_fallback"] == 1 and samples["castslice_policy_last_reload_successful"] == 0
        assert reloads(server) == (0, 0) and slices(server) == 1 and server.get("/readyz").status == 200
        assert page(server)["policy"]["fallback"] is True and len(infos(server)) == 1
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "policy.lua").write_text(policy(5))
        until_slices(server, 5)
        samples = server.metrics()
        assert samples["castslice_policy_fallback"] == 0 and samples["castslice_policy_last_reload_successful"] == 1
        assert page(server)["policy"]["source"] == str(folder)


def test_a_bundle_equal_to_the_default_ends_the_fallback_too(tmp_path):
    with Server("--policy", tmp_path / "policy", "--policy-fallback", "embedded", *UNSEEN) as server:
        shutil.copytree(ROOT / "policies/default", tmp_path / "policy")
        until(lambda: server.metrics()["castslice_policy_fallback"] == 0, "the end of the fallback", 2)


def test_without_a_fallback_a_broken_bundle_does_not_start(tmp_path):
    status, _, log = run("serve", "--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0", "--policy",
                         tmp_path / "nowhere")
    assert status == 2 and "nowhere" in log
    status, _, log = run("serve", "--policy-fallback", "default")
    assert status == 2 and "none or embedded" in log


# ---- in flight ---------------------------------------------------------------

def test_a_review_ends_with_the_policy_it_began_with(tmp_path):
    slow = "return function() local n = 0 for i = 1, 60000000 do n = n + 1 end return { ratio = 2 } end\n"
    volume = Volume(tmp_path / "policy", {"policy.lua": slow})
    with Server("--policy", volume.folder, "--policy-cpu-ms", "30000", "--threads", "2", *UNSEEN) as server:
        answers = []
        thread = threading.Thread(target=lambda: answers.append(slices(server)))
        thread.start()
        until(lambda: server.metrics()["castslice_reviews_in_flight"] == 1, "the slow review")
        for ratio in (3, 4, 5):                     # the bundle it holds is two generations old in the end
            volume.swap({"policy.lua": policy(ratio)})
            until_reloads(server, (ratio - 2, 0))
        still = server.metrics()["castslice_reviews_in_flight"]
        thread.join()
        assert answers == [2] and slices(server) == 5
        assert still == 1, "the review was over too early to show anything"


# ---- certificates ------------------------------------------------------------

def openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


class Authority:
    def __init__(self, folder):
        self.folder = folder
        self.file = folder / "ca.crt"
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                folder / "ca.key", "-out", self.file, "-subj", "/CN=ca", "-days", "30")
        self.context = ssl.create_default_context(cafile=self.file)

    def pair(self, name, days="30"):
        """A new certificate for localhost, as the files of a Secret."""
        key, request, chain = (self.folder / f"{name}.{end}" for end in ("key", "csr", "crt"))
        openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key,
                "-out", request, "-subj", f"/CN={name}", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1")
        openssl("x509", "-req", "-in", request, "-CA", self.file, "-CAkey", self.folder / "ca.key", "-CAcreateserial",
                "-copy_extensions", "copyall", "-days", days, "-out", chain)
        return {"tls.crt": chain.read_text(), "tls.key": key.read_text(), "ca.crt": self.file.read_text()}

    def connect(self, server):
        connection = http.client.HTTPSConnection("localhost", server.webhook_port, context=self.context,
                                                 timeout=20 * SLOWNESS)
        connection.connect()
        return connection


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


def certificate_flags(volume):
    return "--certificate", volume.folder / "tls.crt", "--key", volume.folder / "tls.key"


def name_shown(authority, server):
    """The common name of what a new handshake shows, the chain verified."""
    connection = authority.connect(server)
    subject = dict(item[0] for item in connection.sock.getpeercert()["subject"])
    connection.close()
    return subject["commonName"]


def test_new_handshakes_show_the_new_certificate_and_open_connections_live_on(tmp_path, authority):
    volume = Volume(tmp_path / "tls", authority.pair("zero"))
    with Server(*certificate_flags(volume), *UNSEEN) as server:
        kept = authority.connect(server)
        assert slices(server, kept) == 1 and name_shown(authority, server) == "zero"
        for turn, name in enumerate(("one", "two", "three"), 1):
            volume.swap(authority.pair(name))
            until(lambda: name_shown(authority, server) == name, "the new certificate", 2)
            until_reloads(server, (turn, 0), "certificate")
            assert slices(server, kept) == 1
        assert server.logged("certificate reloaded")["valid_until"]
        now = page(server)["certificate"]
        assert now["digest"] == hashlib.sha256((volume.folder / "tls.crt").read_bytes()).hexdigest()


def test_files_beside_one_another_are_taken_over_too(tmp_path, authority):
    files = authority.pair("zero")
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with Server("--certificate", "tls.crt", "--key", "./tls.key", *UNSEEN, prefix=("env", "-C", tmp_path)) as server:
        for name in ("one", "two"):
            for file, text in authority.pair(name).items():
                (tmp_path / file).write_text(text)
            until(lambda: name_shown(authority, server) == name, "the new certificate", 2)


def test_a_bad_pair_is_refused_and_the_last_good_one_serves(tmp_path, authority):
    good, other = authority.pair("good"), authority.pair("other")
    half = {**other, "tls.crt": other["tls.crt"][:200]}
    mixed = {**other, "tls.key": good["tls.key"]}
    old = authority.pair("old", days="-1")
    volume = Volume(tmp_path / "tls", good)
    with Server(*certificate_flags(volume), *UNSEEN) as server:
        expiry = server.metrics()["castslice_certificate_expiry_timestamp_seconds"]
        assert abs(expiry - time.time() - 30 * 86400) < 3600
        for failures, (bad, word) in enumerate([(half, "damaged"), (mixed, "is not the key"), (old, "expired"),
                                                ({"ca.crt": ""}, "no such file")], 1):
            volume.swap(bad)
            until_reloads(server, (0, failures), "certificate")
            assert word in page(server)["certificate"]["last_attempt"]["error"]
            assert name_shown(authority, server) == "good" and server.get("/readyz").status == 200
            assert server.metrics()["castslice_certificate_last_reload_successful"] == 0
        assert server.logged("certificate not reloaded")["level"] == "error"
        assert server.metrics()["castslice_certificate_expiry_timestamp_seconds"] == expiry
        volume.swap(good)
        until_reloads(server, (1, 4), "certificate")
        volume.swap(other)
        until(lambda: name_shown(authority, server) == "other", "the new certificate", 2)


# ---- a storm -----------------------------------------------------------------

class Storm:
    """Clients that send the same review for as long as it lasts, and count what they get."""

    def __init__(self, server, authority, clients=8):
        self.server, self.authority = server, authority
        self.over, self.troubles, self.answers = threading.Event(), [], collections.Counter()
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self._client, args=(i % 2 == 0,)) for i in range(clients)]

    def _ask(self, connection):
        answer = self.server.post(REVIEW, connection=connection)
        assert answer.status == 200, answer.body
        return int(next(o["value"] for o in operations(answer.json()["response"]) if o["op"] == "add"))

    def _client(self, keeps):
        connection = None
        try:
            while not self.over.is_set():
                connection = connection or self.authority.connect(self.server)
                ratio = self._ask(connection)
                with self.lock:
                    self.answers[ratio] += 1
                if not keeps:
                    connection.close()
                    connection = None
        except (OSError, http.client.HTTPException, AssertionError) as trouble:
            self.troubles.append(repr(trouble))
            self.over.set()

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, kind, value, trace):
        self.over.set()
        for thread in self.threads:
            thread.join()


def test_a_storm_of_changes_fails_no_review(tmp_path, authority):
    pairs = [authority.pair("a"), authority.pair("b")]
    pairs.insert(1, {**pairs[0], "tls.key": pairs[1]["tls.key"]})
    bundles = [{"policy.lua": policy(2)}, {"policy.lua": BROKEN},
               {"policy.lua": policy("require 'number'"), "number.lua": "return 3"}]
    policies, secret = Volume(tmp_path / "policy", bundles[0]), Volume(tmp_path / "tls", pairs[0])
    with Server("--policy", policies.folder, *certificate_flags(secret), "--threads", "2", *UNSEEN) as server:
        with Storm(server, authority) as storm:
            end, swaps = time.monotonic() + 10, 0
            while time.monotonic() < end and not storm.over.is_set():
                policies.swap(bundles[swaps % 3])
                secret.swap(pairs[swaps % 3])
                swaps += 1
                storm.over.wait(0.05)
            volleys = dict(storm.answers)
            policies.swap({"policy.lua": policy(4)})
            secret.swap(authority.pair("last"))
            until(lambda: storm.answers[4], "the last policy", 2)
            until(lambda: name_shown(authority, server) == "last", "the last certificate", 2)
            before = dict(storm.answers)
            until(lambda: storm.over.is_set() or storm.answers[4] > before[4] + 200, "more answers")
            after = dict(storm.answers)
        print(f"{swaps} swaps of both; reloads (good, refused): policy {reloads(server)}, certificate "
              f"{reloads(server, 'certificate')}; answers by slices while it lasted: {volleys}, in all: {after}")
        assert not storm.troubles
        assert set(after) <= {2, 3, 4}
        # two of each client's answers may have been under way when the last policy came
        assert sum(after[k] - before.get(k, 0) for k in (2, 3) if k in after) <= 8
        samples = server.metrics()
        assert samples["castslice_errors_total"] == 0 and samples["castslice_reviews_in_flight"] == 0


def test_descriptors_stay_as_many_over_reloads(tmp_path, authority):
    volume = Volume(tmp_path / "policy", {"policy.lua": policy(1)})
    with Server("--policy", volume.folder, *UNSEEN) as server:
        def descriptors():
            return len(os.listdir(f"/proc/{server.process.pid}/fd"))

        base = until(lambda: server.metrics()["castslice_connections"] == 0 and descriptors(), "quiet")
        for turn in range(1, 6):
            volume.swap({"policy.lua": BROKEN if turn % 2 else policy(turn)})
            until_reloads(server, (turn // 2, (turn + 1) // 2))
        until(lambda: descriptors() <= base + 1, "the descriptors to come back")
