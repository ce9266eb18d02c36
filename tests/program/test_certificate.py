"""`castslice certificate`: what it makes is checked by OpenSSL's own tool and by a TLS client that trusts nothing else."""
import base64
import json
import socket
import ssl
import stat
import subprocess

import pytest
import yaml

from harness import CASTSLICE, ROOT, SLOWNESS, Server, run

NAME = "cast-slice-webhook.cast-slice.svc"
INSTALL = ROOT / "deploy/install.yaml"


def openssl(*arguments, check=True):
    done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == 0 or not check, done.stderr
    return done


@pytest.fixture(scope="module")
def pki(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pki")
    assert run("certificate", "--output", folder)[0] == 0
    return folder


# ---- making ------------------------------------------------------------------

def test_openssl_accepts_the_certificate_for_the_services_name(pki):
    assert openssl("verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", pki / "ca.crt", "-verify_hostname", NAME,
                   pki / "tls.crt").stdout.strip().endswith("OK")
    assert openssl("verify", "-CAfile", pki / "ca.crt", "-verify_hostname", "other.svc", pki / "tls.crt", check=False).returncode
    text = openssl("x509", "-in", pki / "tls.crt", "-noout", "-text").stdout
    for words in ("TLS Web Server Authentication", "CA:FALSE", "ecdsa-with-SHA256", "DNS:cast-slice-webhook.cast-slice.svc,"):
        assert words in text


def test_keys_are_for_their_owner_only(pki):
    modes = {f.name: stat.S_IMODE(f.stat().st_mode) for f in pki.iterdir()}
    assert modes == {"ca.crt": 0o644, "ca.key": 0o600, "tls.crt": 0o644, "tls.key": 0o600}


def test_a_client_that_trusts_the_authority_alone_reaches_the_server(pki):
    context = ssl.create_default_context(cafile=pki / "ca.crt")
    with Server("--certificate", str(pki / "tls.crt"), "--key", str(pki / "tls.key"), "--service", "cast-slice-webhook") as server:
        with socket.create_connection(("127.0.0.1", server.webhook_port)) as plain, \
                context.wrap_socket(plain, server_hostname=NAME) as secure:
            secure.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            assert secure.recv(12) == b"HTTP/1.1 404"


def test_nothing_is_replaced_without_being_told(pki):
    before = {f.name: f.read_bytes() for f in pki.iterdir()}
    status, _, err = run("certificate", "--output", pki)
    assert status == 2 and "tls.key: is there already; --force replaces it" in err
    assert {f.name: f.read_bytes() for f in pki.iterdir()} == before


def test_force_replaces_all(pki, tmp_path):
    folder = tmp_path / "new"
    assert run("certificate", "--output", folder)[0] == 0
    before = (folder / "tls.crt").read_bytes()
    assert run("certificate", "--output", folder, "--force")[0] == 0
    assert (folder / "tls.crt").read_bytes() != before and len(list(folder.iterdir())) == 4


def test_the_key_of_another_authority_is_not_left_beside_the_new_certificate(pki, tmp_path):
    folder = tmp_path / "other"
    assert run("certificate", "--output", folder)[0] == 0
    before = {f.name: f.read_bytes() for f in folder.iterdir()}
    authority = ("--ca", pki / "ca.crt", "--ca-key", pki / "ca.key")
    status, _, err = run("certificate", *authority, "--output", folder, "--force")
    assert status == 2 and f"{folder}/ca.key: is there already and is not {pki}/ca.key; move it away" in err
    assert {f.name: f.read_bytes() for f in folder.iterdir()} == before
    (folder / "ca.key").rename(tmp_path / "away.key")
    assert run("certificate", *authority, "--output", folder, "--force")[0] == 0
    own = ("--ca", folder / "ca.crt", "--ca-key", folder / "ca.key")
    (folder / "ca.key").write_bytes((pki / "ca.key").read_bytes())
    assert run("certificate", *own, "--output", folder, "--force")[0] == 0          # renewed where it is


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    status, _, err = run("certificate", "--output", tmp_path / "file" / "x")
    assert status == 2 and str(tmp_path / "file") in err


def test_the_same_authority_signs_again(pki, tmp_path):
    status, _, _ = run("certificate", "--ca", pki / "ca.crt", "--ca-key", pki / "ca.key", "--output", tmp_path, "--days", "30")
    assert status == 0 and sorted(f.name for f in tmp_path.iterdir()) == ["ca.crt", "tls.crt", "tls.key"]
    openssl("verify", "-CAfile", pki / "ca.crt", "-verify_hostname", NAME, tmp_path / "tls.crt")
    assert openssl("x509", "-in", tmp_path / "tls.crt", "-noout", "-checkend", 31 * 86400, check=False).returncode == 1


def test_it_does_not_outlive_its_authority(tmp_path):
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", tmp_path / "k", "-out", tmp_path / "c", "-days", "5",
            "-subj", "/CN=short", "-addext", "keyUsage=critical,keyCertSign")
    assert run("certificate", "--ca", tmp_path / "c", "--ca-key", tmp_path / "k", "--output", tmp_path / "o")[0] == 0
    end = openssl("x509", "-in", tmp_path / "o/tls.crt", "-noout", "-enddate").stdout
    assert end == openssl("x509", "-in", tmp_path / "c", "-noout", "-enddate").stdout
    openssl("verify", "-CAfile", tmp_path / "c", "-verify_hostname", NAME, tmp_path / "o/tls.crt")


@pytest.mark.parametrize("flags,words", [
    ([], ["--patch", "--output"]),
    (["--output", "x", "--patch", "y"], ["not both"]),
    (["--output", "x", "--ca", "y"], ["--ca-key is missing"]),
    (["--output", "x", "--days", "0"], ["--days", "1 to 36500"]),
    (["--output", "x", "--service", "a.b"], ["--service", '"a.b"']),
    (["--output", "x", "--namespace", "DNS:evil,x"], ["--namespace"]),
    (["--patch", "/nowhere.yaml"], ["/nowhere.yaml"]),
    (["--patch", str(ROOT / "docs/ollama.yaml")], ["no webhook in it calls the Service cast-slice-webhook"]),
    (["inspect"], ["name a certificate's file"]),
], ids=lambda value: " ".join(value) if isinstance(value, list) and value and value[0].startswith(("--", "i")) else None)
def test_a_wrong_order_is_exit_2_and_one_sentence(flags, words, tmp_path):
    done = subprocess.run([CASTSLICE, "certificate", *flags], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 2 and done.stdout == "" and done.stderr.count("\n") == 1
    assert all(word in done.stderr for word in words) and list(tmp_path.iterdir()) == []


# ---- into a manifest ---------------------------------------------------------

def test_patch_adds_the_authority_and_the_secret_and_nothing_else(tmp_path):
    status, out, err = run("certificate", "--patch", INSTALL)
    assert status == 0 and "good until" in err
    before, after = (list(yaml.safe_load_all(text)) for text in (INSTALL.read_text(), out))
    webhook = next(d for d in after if d["kind"] == "MutatingWebhookConfiguration")
    bundle = base64.b64decode(webhook["webhooks"][0]["clientConfig"].pop("caBundle"))
    secret = after.pop()
    assert after == before
    assert (secret["kind"], secret["type"]) == ("Secret", "kubernetes.io/tls")
    assert secret["metadata"] == {"name": "cast-slice-tls", "namespace": "cast-slice"}
    data = {name: base64.b64decode(text) for name, text in secret["data"].items()}
    assert sorted(data) == ["ca.crt", "tls.crt", "tls.key"] and data["ca.crt"] == bundle
    for name, content in data.items():
        (tmp_path / name).write_bytes(content)
    openssl("verify", "-CAfile", tmp_path / "ca.crt", "-verify_hostname", NAME, tmp_path / "tls.crt")
    kept = [line for line in INSTALL.read_text().splitlines() if line.startswith("#")]
    assert [line for line in out.splitlines() if line.startswith("# CastSlice")] == kept[:1]


def test_patching_twice_replaces_the_bundle():
    once = run("certificate", "--patch", INSTALL)[1]
    status, twice, _ = run("certificate", "--patch", "-", stdin=once)
    assert status == 0
    bundles = [next(d for d in yaml.safe_load_all(text) if d["kind"] == "MutatingWebhookConfiguration")["webhooks"][0]
               ["clientConfig"]["caBundle"] for text in (once, twice)]
    assert bundles[0] != bundles[1] and twice.count('caBundle: "') == 1


def test_only_webhooks_that_call_the_service_are_touched():
    manifest = yaml.safe_dump({"kind": "ValidatingWebhookConfiguration", "webhooks": [
        {"name": "ours", "clientConfig": {"service": {"name": "gpu", "namespace": "ml"}}},
        {"name": "other", "clientConfig": {"service": {"name": "gpu", "namespace": "elsewhere"}}},
        {"name": "url", "clientConfig": {"url": "https://example.org"}}]})
    status, out, _ = run("certificate", "--service", "gpu", "--namespace", "ml", "--patch", "-", stdin=manifest)
    webhooks = next(yaml.safe_load_all(out))["webhooks"]
    assert status == 0 and ["caBundle" in w["clientConfig"] for w in webhooks] == [True, False, False]


@pytest.mark.parametrize("write", [yaml.safe_dump, lambda o: json.dumps(o, indent=4), json.dumps], ids=["yaml", "json", "one line"])
def test_webhooks_in_a_list_are_patched_too(write):
    """As `kubectl get mutatingwebhookconfigurations,validatingwebhookconfigurations -o yaml` prints them."""
    def webhooks(*services):
        return [{"name": s, "clientConfig": {"service": {"name": s, "namespace": "cast-slice"}}} for s in services]
    kept = {"kind": "List", "apiVersion": "v1", "items": [
        {"kind": "ConfigMap", "data": {"webhooks": "[]"}}, {"kind": "MutatingWebhookConfiguration", "webhooks": webhooks("other")},
        {"kind": "MutatingWebhookConfiguration", "webhooks": webhooks("other", "cast-slice-webhook", "cast-slice-webhook")}]}
    status, out, _ = run("certificate", "--patch", "-", stdin=write(kept))
    patched, secret = yaml.safe_load_all(out)
    bundles = [w["clientConfig"].pop("caBundle", None) for w in patched["items"][2]["webhooks"]]
    assert status == 0 and patched == kept and bundles == [None, secret["data"]["ca.crt"], secret["data"]["ca.crt"]]


# ---- inspecting --------------------------------------------------------------

def leaf(folder, *extensions, days=30, key=("ec", "-pkeyopt", "ec_paramgen_curve:P-256"), digest="-sha256", ca=None, name=NAME):
    """A certificate made by OpenSSL, signed by `ca` (a folder of ours) or by itself."""
    folder.mkdir(exist_ok=True)
    openssl("req", "-new", "-newkey", *key, "-nodes", "-keyout", folder / "key", "-out", folder / "csr", "-subj", f"/CN={name}")
    (folder / "ext").write_text("\n".join(extensions) + "\n")
    signer = ["-CA", ca / "ca.crt", "-CAkey", ca / "ca.key", "-CAcreateserial"] if ca else ["-signkey", folder / "key"]
    openssl("x509", "-req", "-in", folder / "csr", "-out", folder / "crt", *signer, "-days", days, digest, "-extfile", folder / "ext")
    return folder / "crt"


SAN = f"subjectAltName=DNS:{NAME}"
FINDINGS = {
    "another name": (dict(extensions=["subjectAltName=DNS:web.example.org,IP:10.0.0.1"]), f"it is not for {NAME} but for web.example.org, 10.0.0.1"),
    "common name only": (dict(extensions=["basicConstraints=CA:FALSE"]), "it has no subjectAltName"),
    "wildcard in the middle": (dict(extensions=["subjectAltName=DNS:cast-slice-webhook.*.svc"]), "it is not for"),
    "expired": (dict(extensions=[SAN], days=-1), "expired on"),
    "SHA-1": (dict(extensions=[SAN], digest="-sha1"), "signed with ecdsa-with-SHA1, which Go does not take"),
    "for clients": (dict(extensions=[SAN, "extendedKeyUsage=clientAuth"]), "does not hold serverAuth"),
    "small RSA": (dict(extensions=[SAN], key=["rsa:768"]), "has 768 bits"),
    "SHA-224": (dict(extensions=[SAN], digest="-sha224"), "signed with ecdsa-with-SHA224"),
    "P-224": (dict(extensions=[SAN], key=["ec", "-pkeyopt", "ec_paramgen_curve:P-224"]), "of a kind that Go does not take"),
    "brainpool": (dict(extensions=[SAN], key=["ec", "-pkeyopt", "ec_paramgen_curve:brainpoolP256r1"]), "a curve that Go does not know"),
    "Ed448": (dict(extensions=[SAN], key=["ed448"]), "of a kind that Go does not take"),
}
SOUND = {
    "plain": [SAN], "wildcard": ["subjectAltName=DNS:*.cast-slice.svc"], "any usage": [SAN, "extendedKeyUsage=anyExtendedKeyUsage"],
    "server and client": [SAN, "extendedKeyUsage=clientAuth,serverAuth"], "upper case": [f"subjectAltName=DNS:{NAME.upper()}"],
}


@pytest.mark.parametrize("name", FINDINGS)
def test_inspect_says_why_the_api_server_would_refuse_it(pki, tmp_path, name):
    made, words = FINDINGS[name]
    crt = leaf(tmp_path / "c", *made["extensions"], ca=pki, **{k: v for k, v in made.items() if k != "extensions"})
    status, out, _ = run("certificate", "inspect", crt, "--ca", pki / "ca.crt")
    refusals = [line for line in out.splitlines() if "the API server refuses it" in line]
    assert status == 1 and len(refusals) == 1 and words in refusals[0]


@pytest.mark.parametrize("name", SOUND)
def test_inspect_finds_nothing_wrong_with_what_is_sound(pki, tmp_path, name):
    crt = leaf(tmp_path / "c", *SOUND[name], ca=pki)
    status, out, _ = run("certificate", "inspect", crt, "--ca", pki / "ca.crt", "--key", tmp_path / "c/key")
    assert status == 0 and out.endswith(f"the API server accepts it for {NAME}\n")


def test_inspect_knows_another_authority_and_another_key(pki, tmp_path):
    assert run("certificate", "--output", tmp_path / "other")[0] == 0
    status, out, _ = run("certificate", "inspect", pki / "tls.crt", "--ca", tmp_path / "other/ca.crt", "--key", tmp_path / "other/tls.key")
    assert status == 1 and "none of the certificates in the CA file signed it" in out and "is another certificate's" in out


def test_inspect_wants_the_intermediate(pki, tmp_path):
    """An authority below the authority: with it in the file all is well, without it nobody knows who signed."""
    middle = tmp_path / "middle"
    leaf(middle, "basicConstraints=critical,CA:TRUE", "keyUsage=keyCertSign", ca=_root(tmp_path))
    (middle / "ca.crt").write_bytes((middle / "crt").read_bytes())
    (middle / "ca.key").write_bytes((middle / "key").read_bytes())
    crt = leaf(tmp_path / "leaf", SAN, ca=middle)
    status, out, _ = run("certificate", "inspect", crt, "--ca", tmp_path / "root/ca.crt")
    assert status == 1 and "is an intermediate missing" in out
    (tmp_path / "chain").write_bytes(crt.read_bytes() + (middle / "crt").read_bytes())
    status, out, _ = run("certificate", "inspect", tmp_path / "chain", "--ca", tmp_path / "root/ca.crt")
    assert status == 0 and "certificate 2 of 2, an authority" in out


AUTHORITY = ["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign"]


def authority(folder, *extensions, ca=None, **how):
    """One made by OpenSSL: a root, or below `ca`."""
    crt = leaf(folder, *(extensions or AUTHORITY), ca=ca, name=folder.name, **how)
    (folder / "ca.crt").write_bytes(crt.read_bytes())
    (folder / "ca.key").write_bytes((folder / "key").read_bytes())
    return folder


# What an authority can do to a serving certificate that has no fault of its own. Each verdict was compared with Go 1.26's.
ROOTS = {
    "sound": (dict(), None),
    "signed with SHA-1 itself": (dict(digest="-sha1"), None),
    "without key usage": (dict(extensions=["basicConstraints=critical,CA:TRUE"]), None),
    "expired": (dict(days=-1), 'the authority "/CN=root" of the CA file expired on'),
    "for clients": (dict(extensions=[*AUTHORITY, "extendedKeyUsage=clientAuth"]), "does not hold serverAuth"),
    "without basic constraints": (dict(extensions=["keyUsage=critical,keyCertSign"]), "is no authority (CA:TRUE)"),
    "small RSA": (dict(key=["rsa:768"]), "has 768 bits"),
    "a curve Go does not know": (dict(key=["ec", "-pkeyopt", "ec_paramgen_curve:secp256k1"]), "a curve that Go does not know"),
    "another name space": (dict(extensions=[*AUTHORITY, "nameConstraints=critical,permitted;DNS:example.org"]), "name constraints"),
}


@pytest.mark.parametrize("name", ROOTS)
def test_the_authority_is_judged_as_the_serving_certificate_is(tmp_path, name):
    made, words = ROOTS[name]
    root = authority(tmp_path / "root", *made.get("extensions", []), **{k: v for k, v in made.items() if k != "extensions"})
    status, out, _ = run("certificate", "inspect", leaf(tmp_path / "c", SAN, ca=root), "--ca", root / "ca.crt")
    refusals = [line for line in out.splitlines() if "the API server refuses it" in line]
    assert (status, len(refusals)) == ((1, 1) if words else (0, 0)) and (words or "") in "".join(refusals), out


def test_a_renewed_authority_counts_though_the_old_one_is_still_there(pki, tmp_path):
    root = authority(tmp_path / "root")
    old = tmp_path / "old"
    openssl("x509", "-req", "-in", root / "csr", "-out", old, "-signkey", root / "key", "-days", "-1", "-extfile", root / "ext")
    both = tmp_path / "both"
    crt = leaf(tmp_path / "c", SAN, ca=root)
    for order in ((old, root / "ca.crt"), (root / "ca.crt", old)):
        both.write_bytes(b"".join(f.read_bytes() for f in order))
        assert run("certificate", "inspect", crt, "--ca", both)[0] == 0
    assert run("certificate", "inspect", crt, "--ca", old)[0] == 1


def test_what_is_sent_but_not_needed_is_not_judged_by_date_or_digest(pki, tmp_path):
    crt = leaf(tmp_path / "c", SAN, ca=pki)
    for name, how in {"expired": dict(days=-1), "sha1": dict(digest="-sha1")}.items():
        root = authority(tmp_path / f"root-{name}")
        extra = authority(tmp_path / name, ca=root, **how)
        (tmp_path / "chain").write_bytes(crt.read_bytes() + (extra / "ca.crt").read_bytes())
        assert run("certificate", "inspect", tmp_path / "chain", "--ca", pki / "ca.crt")[0] == 0
        below = leaf(tmp_path / f"below-{name}", SAN, ca=extra)
        (tmp_path / "chain").write_bytes(below.read_bytes() + (extra / "ca.crt").read_bytes())
        status, out, _ = run("certificate", "inspect", tmp_path / "chain", "--ca", root / "ca.crt")
        assert status == 1 and "refuses it: certificate 2 " in out


def test_a_self_signed_one_is_its_own_anchor(tmp_path):
    """Nobody checks the signature of an anchor, so SHA-1 does no harm there."""
    crt = leaf(tmp_path / "c", SAN, digest="-sha1")
    assert run("certificate", "inspect", crt, "--ca", crt)[0] == 0
    assert run("certificate", "inspect", crt)[0] == 0


def test_the_serving_certificate_comes_first(pki, tmp_path):
    crt = leaf(tmp_path / "c", SAN, ca=pki)
    (tmp_path / "chain").write_bytes((pki / "ca.crt").read_bytes() + crt.read_bytes())
    status, out, _ = run("certificate", "inspect", tmp_path / "chain", "--ca", pki / "ca.crt")
    assert status == 1 and f"the serving certificate must come first, and for {NAME} is certificate 2" in out


def test_no_new_certificate_by_an_authority_that_go_does_not_take(tmp_path):
    root = authority(tmp_path / "root", "keyUsage=critical,keyCertSign")
    status, _, err = run("certificate", "--ca", root / "ca.crt", "--ca-key", root / "ca.key", "--output", tmp_path / "o")
    assert status == 2 and "is no authority (CA:TRUE)" in err and not (tmp_path / "o").exists()


def _root(tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", root / "ca.key",
            "-out", root / "ca.crt", "-days", "30", "-subj", "/CN=root")
    return root


def test_inspect_reads_stdin_and_refuses_what_is_no_certificate(pki, tmp_path):
    assert run("certificate", "inspect", "-", stdin=(pki / "tls.crt").read_bytes())[0] == 0
    (tmp_path / "x").write_text("hello")
    status, _, err = run("certificate", "inspect", tmp_path / "x")
    assert status == 2 and "holds no certificate in PEM form" in err


# ---- inspecting what kubectl prints ------------------------------------------

def base64_of(file):
    return base64.b64encode(file.read_bytes()).decode()


def secret(folder, name="cast-slice-tls", **data):
    data = data or {"tls.crt": base64_of(folder / "tls.crt"), "tls.key": base64_of(folder / "tls.key")}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": "cast-slice"}, "data": data}


def configuration(*bundles, service="cast-slice-webhook"):
    webhooks = [{"name": f"w{i}.castops.io", "clientConfig": {"service": {"name": service, "namespace": "cast-slice"},
                                                              **({"caBundle": b} if b else {})}} for i, b in enumerate(bundles)]
    return {"apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration", "webhooks": webhooks}


def inspect(*objects, flags=()):
    """As `kubectl get … -o json` prints several objects."""
    manifest = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
    return run("certificate", "inspect", "-", *flags, stdin=manifest)


def refusals(out):
    return [line.split("refuses it: ")[1] for line in out.splitlines() if "the API server refuses it" in line]


def test_inspect_accepts_what_patch_made():
    _, manifest, _ = run("certificate", "--patch", INSTALL)
    status, out, _ = run("certificate", "inspect", "-", stdin=manifest)
    assert status == 0 and out.endswith(f"-: Secret cast-slice/cast-slice-tls: the API server accepts it for {NAME}\n")
    assert "not looked at" not in out


def test_inspect_asks_the_cabundle_of_each_webhook_that_calls_the_service(pki, tmp_path):
    assert run("certificate", "--output", tmp_path / "other")[0] == 0
    ours, other = base64_of(pki / "ca.crt"), base64_of(tmp_path / "other/ca.crt")
    assert inspect(secret(pki), configuration(ours, ours))[0] == 0
    status, out, _ = inspect(secret(pki), configuration(ours, other, other), configuration(other, service="elsewhere"))
    assert status == 1 and len(refusals(out)) == 1
    assert "none of the certificates in the caBundle of webhook w1.castops.io signed it" in out
    assert inspect(secret(pki), configuration(other), flags=("--ca", pki / "ca.crt"))[0] == 0, "--ca counts instead"


@pytest.mark.parametrize("bundle,words", [
    (None, "w0.castops.io is empty, so the API server trusts what its own system trusts"), ("Cg==", "w0.castops.io: holds no certificate"),
    ("not base64!", "w0.castops.io: is no base64")])
def test_inspect_says_what_is_wrong_with_a_cabundle(pki, bundle, words):
    status, out, _ = inspect(secret(pki), configuration(bundle))
    assert status == 1 and len(refusals(out)) == 1 and words in refusals(out)[0]


def test_inspect_judges_each_secret_and_its_key(pki, tmp_path):
    assert run("certificate", "--output", tmp_path / "other")[0] == 0
    mixed = secret(pki, "mixed", **{"tls.crt": base64_of(pki / "tls.crt"), "tls.key": base64_of(tmp_path / "other/tls.key")})
    plain = {"kind": "Secret", "metadata": {"name": "plain"}, "stringData": {"tls.crt": (pki / "tls.crt").read_text()}}
    token = {"kind": "Secret", "metadata": {"name": "token"}, "data": {"token": "YQ=="}}
    status, out, _ = inspect(token, secret(pki), mixed, plain, flags=("--ca", pki / "ca.crt"))
    assert status == 1 and refusals(out) == ["the key in it is another certificate's, so nobody can serve with it"]
    assert "-: Secret cast-slice/mixed: the API server refuses it" in out
    assert f"-: Secret plain: the API server accepts it for {NAME}\n" in out and "token" not in out
    assert inspect(mixed, flags=("--ca", pki / "ca.crt", "--key", pki / "tls.key"))[0] == 0, "--key counts instead"


def test_inspect_without_a_configuration_asks_for_ca(pki):
    status, out, _ = inspect(secret(pki))
    assert status == 0 and "not looked at: who signed it; --ca names what the caBundle holds" in out


@pytest.mark.parametrize("objects,words", [
    ([configuration("Cg==")], "and no Secret with a tls.crt"),
    ([secret(None, **{"tls.crt": "not base64!"})], "-: Secret cast-slice/cast-slice-tls: data.tls.crt is no base64"),
    ([secret(None, **{"tls.crt": ""})], "-: Secret cast-slice/cast-slice-tls: holds no certificate in PEM form"),
    ([{"kind": "Secret", "items": 3, "data": [1]}], "and no Secret with a tls.crt"),
    ([7, {"kind": "List", "items": {"a": 1}}], "and is no manifest: line 1: not a Kubernetes object")])
def test_inspect_of_a_manifest_it_can_do_nothing_with(objects, words):
    status, out, err = inspect(*objects)
    assert (status, out) == (2, "") and words in err


def test_inspect_says_when_nobody_calls_the_service(pki):
    status, out, err = inspect(secret(pki), configuration(base64_of(pki / "ca.crt"), service="elsewhere"))
    assert (status, out) == (2, "") and f"no webhook in it calls {NAME}; --service and --namespace name another" in err


def test_inspect_writes_nothing_when_a_file_cannot_be_read(pki, tmp_path):
    status, out, err = run("certificate", "inspect", pki / "tls.crt", "--key", tmp_path / "none")
    assert (status, out) == (2, "") and "none: there is no such file" in err


# ---- serving -----------------------------------------------------------------

def test_serve_refuses_a_certificate_for_another_service(pki):
    done = subprocess.run([CASTSLICE, "serve", "--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0", "--certificate",
                           pki / "tls.crt", "--key", pki / "tls.key", "--service", "gpu", "--namespace", "ml"],
                          capture_output=True, text=True, timeout=30 * SLOWNESS)
    assert done.returncode == 2
    for words in (str(pki / "tls.crt"), "is for cast-slice-webhook.cast-slice.svc,", "not for gpu.ml.svc", "--service"):
        assert words in done.stderr


def test_a_missing_secret_is_named(tmp_path):
    status, _, err = run("serve", "--certificate", tmp_path / "tls.crt", "--key", tmp_path / "tls.key")
    assert status == 2 and "tls.crt: there is no such file; in a cluster: is the Secret there, and mounted?" in err
