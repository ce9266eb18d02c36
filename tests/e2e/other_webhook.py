"""Somebody else's mutating webhook: adds one container to every Pod of the scenario's making."""
import base64
import http.server
import json
import ssl
import tempfile
import threading

from cluster import NODE_IP, run

PATH = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"


class OtherWebhook:
    """`with OtherWebhook(cluster, "zz-name", inject={…}):` — its name says when it is called: in alphabetical order."""

    def __init__(self, cluster, name, inject):
        self.cluster, self.name, self.inject = cluster, name, inject

    def __enter__(self):
        with tempfile.TemporaryDirectory() as folder:
            run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                "-keyout", f"{folder}/key", "-out", f"{folder}/crt", "-subj", "/CN=other", "-addext", f"subjectAltName=IP:{NODE_IP}")
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(f"{folder}/crt", f"{folder}/key")
            with open(f"{folder}/crt", "rb") as file:
                bundle = base64.b64encode(file.read()).decode()
        self.server = http.server.ThreadingHTTPServer((NODE_IP, 0), self._handler())
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.cluster.api("POST", PATH, {"metadata": {"name": self.name}, "webhooks": [{
            "name": f"{self.name}.example.org", "failurePolicy": "Fail", "sideEffects": "None", "timeoutSeconds": 5,
            "clientConfig": {"url": f"https://{NODE_IP}:{self.server.server_port}/", "caBundle": bundle},
            "admissionReviewVersions": ["v1"],
            "namespaceSelector": {"matchExpressions": [{"key": "kubernetes.io/metadata.name", "operator": "NotIn",
                                                        "values": ["cast-slice", "kube-system", "e2e-mark"]}]},
            "rules": [{"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]}]}]})
        self.cluster.await_webhooks()
        return self

    def __exit__(self, *_):
        self.cluster.delete(f"{PATH}/{self.name}")
        self.cluster.await_webhooks()
        self.server.shutdown()
        self.server.server_close()

    def _handler(self):
        inject = self.inject

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["request"]
                names = [c["name"] for c in request["object"]["spec"]["containers"]]
                response = {"uid": request["uid"], "allowed": True}
                if inject["name"] not in names:
                    patch = [{"op": "add", "path": "/spec/containers/-", "value": inject}]
                    response |= {"patchType": "JSONPatch", "patch": base64.b64encode(json.dumps(patch).encode()).decode()}
                body = json.dumps({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response}).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass
        return Handler
