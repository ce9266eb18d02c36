"""`castslice certificate`: what it makes is checked by OpenSSL's own tool and by a TLS client that trusts nothing else."""
import base64
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


# ---- inspecting --------------------------------------------------------------

def leaf(folder, *extensions, days=30, key=("ec", "-pkeyopt", "ec_paramgen_curve:P-256"), digest="-sha256", ca=None, begin=None):
    """A certificate made by OpenSSL, signed by `ca` (a folder of ours) or by itself."""
    folder.mkdir(exist_ok=True)
    openssl("req", "-new", "-newkey", *key, "-nodes", "-keyout", folder / "key", "-out", folder / "csr", "-subj", f"/CN={NAME[:60]}")
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
    "SHA-1": (dict(extensions=[SAN], digest="-sha1"), "signed with SHA-1"),
    "for clients": (dict(extensions=[SAN, "extendedKeyUsage=clientAuth"]), "does not hold serverAuth"),
    "small RSA": (dict(extensions=[SAN], key=["rsa:768"]), "has 768 bits"),
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
