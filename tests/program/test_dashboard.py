"""The Grafana dashboard and the alerts against a real Prometheus that scrapes the real program.

Known traffic goes through while Prometheus scrapes; then every query of every panel is evaluated as Grafana
would send it. All counters start at 0 inside the window and queries are evaluated at the time of the last
scrape, so `rate` and `increase` have nothing to extrapolate: what they say is exact.
"""
import datetime
import http.client
import http.server
import itertools
import json
import math
import re
import subprocess
import threading
import time
import urllib.parse

import pytest
import yaml

from harness import ROOT, Server, free_port, recorded, review_of, until

MONITORING = ROOT / "deploy/monitoring"
CONFIG_MAP = yaml.safe_load((MONITORING / "grafana-dashboard.yaml").read_text())
DASHBOARD = json.loads(CONFIG_MAP["data"]["castslice-finops-dashboard.json"])
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
QUERIES = [(panel["title"], target["refId"], target["expr"]) for panel in PANELS for target in panel["targets"]]
VARIABLES = {variable["name"]: variable for variable in DASHBOARD["templating"]["list"]}

WINDOW = 300                                            # seconds; longer than all that happens here
ROUNDS = 3
TRAFFIC = {"mutations": 5, "noop": 3, "errors": 2, "malformed_requests": 4}     # of each round; 1 of the errors is a 500

REVIEW = recorded("ollama-inference")
POLICY = """
return function(pod)
  if pod.name == "breaks" then error("as asked") end
  if pod.name == "denied" then return { deny = "as asked" } end
  return { ratio = 2 }
end
"""


# ---- what is scraped ---------------------------------------------------------

class ApiServer:
    """The three metrics of kube-apiserver that the dashboard shows, with its names, labels and buckets, for our webhook
    and a busier one. As there, a series appears with its first event."""

    def __init__(self):
        self.calls = 0
        page = self.page

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.end_headers()
                self.wfile.write(page().encode())

            def log_message(self, *_):
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def page(self):
        lines = []
        for name, calls in (("pods.castslice.example", self.calls), ("other.example.com", 7 * self.calls)):
            duration = "apiserver_admission_webhook_admission_duration_seconds"
            labels = f'name="{name}",operation="CREATE",type="admit"'
            lines += [f'{duration}_bucket{{{labels},rejected="false",le="{le}"}} {calls}'
                      for le in ("0.005", "0.025", "0.1", "0.5", "1", "2.5", "10", "25", "+Inf")]
            lines += [f'{duration}_sum{{{labels},rejected="false"}} {calls * 0.002}',
                      f'{duration}_count{{{labels},rejected="false"}} {calls}']
            if calls:
                lines += [f'apiserver_admission_webhook_rejection_count{{error_type="{kind}",{labels},rejection_code="{code}"}} '
                          f'{calls}' for kind, code in (("calling_webhook_error", 0), ("no_error", 400))]
                lines.append(f'apiserver_admission_webhook_fail_open_count{{name="{name}",type="admit"}} {calls}')
        return "\n".join(lines) + "\n"

    def close(self):
        self.http.shutdown()
        self.http.server_close()


class Prometheus:
    """A real one, with its own storage, scraping `targets` (name to port) twice a second."""

    def __init__(self, folder, targets):
        config = {"global": {"scrape_interval": "500ms", "scrape_timeout": "500ms"},
                  "scrape_configs": [{"job_name": name, "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]}
                                     for name, port in targets.items()]}
        (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
        for _ in range(3):
            if self._start(folder):
                return
        raise AssertionError("prometheus does not start:\n" + (folder / "log").read_text())

    def _start(self, folder):
        self.port = free_port()
        with open(folder / "log", "w") as log:
            self.process = subprocess.Popen(
                ["prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
                 f"--web.listen-address=127.0.0.1:{self.port}"], stdout=subprocess.DEVNULL, stderr=log)
        until(lambda: self.process.poll() is not None or self._ready(), "prometheus to be ready", 30)
        return self.process.poll() is None

    def _ready(self):
        try:
            return self._get("/-/ready")[0] == 200
        except OSError:
            return False

    def _get(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        return answer.status, body

    def api(self, path, **parameters):
        status, body = self._get(f"/api/v1/{path}?{urllib.parse.urlencode(parameters)}")
        answer = json.loads(body)
        assert status == 200 and answer["status"] == "success", (parameters, answer)
        return answer["data"]

    def query(self, expression, **parameters):
        return self.api("query", query=expression, **parameters)["result"]

    def total(self, expression, **parameters):
        """The one number an expression has, or None."""
        result = self.query(expression, **parameters)
        return float(result[0]["value"][1]) if result else None

    def scrape_times(self, series):
        """When each sample of the one series in the window was taken; a number of seconds as Prometheus writes it."""
        (only,) = self.query(f"{series}[{WINDOW}s]")
        return [when for when, _ in only["values"]]

    def stop(self):
        self.process.terminate()
        self.process.wait(30)


# ---- the traffic -------------------------------------------------------------

def named(name):
    return {**REVIEW["request"]["object"], "metadata": {**REVIEW["request"]["object"]["metadata"], "name": name}}


def unannotated():
    pod = named("enrolled")
    return {**pod, "metadata": {key: value for key, value in pod["metadata"].items() if key != "annotations"}}


def send_round(connection, server):
    kinds = {"mutations": [REVIEW, review_of(unannotated())], "noop": [review_of({"metadata": {}, "spec": {}})],
             "errors": [review_of(named("denied")), review_of(named("breaks"))], "malformed_requests": [b"{"]}
    statuses = [server.post(body, connection=connection).status for kind, count in TRAFFIC.items()
                for body in itertools.islice(itertools.cycle(kinds[kind]), count)]
    assert statuses == [200] * 9 + [500] + [400] * 4


def send_all(server, api_server, prometheus):
    """In rounds, each of them scraped before the next; two scrapes before the first, one of everything after the last."""
    for series in ("castslice_requests_total", 'apiserver_admission_webhook_admission_duration_seconds_count{name!~"other.*"}'):
        until(lambda: (prometheus.total(f"count_over_time({series}[{WINDOW}s])") or 0) >= 2, f"two scrapes of {series}", 30)
    connection = server.connect()
    for done in range(1, ROUNDS + 1):
        send_round(connection, server)
        api_server.calls += 10
        until(lambda: prometheus.total("castslice_malformed_requests_total") == done * TRAFFIC["malformed_requests"] and
              prometheus.total("sum(apiserver_admission_webhook_fail_open_count)") == done * 80, f"round {done} to be seen", 30)
    end = time.time()
    until(lambda: prometheus.scrape_times("castslice_requests_total")[-1] > end, "a last scrape", 30)
    return connection


class Run:
    """The traffic is over and Prometheus has seen all of it."""

    def __init__(self, server, prometheus):
        self.server, self.prometheus = server, prometheus
        times = prometheus.scrape_times("castslice_requests_total")
        self.first, self.last = times[1], times[-1]
        self.webhook = self.option("webhook")

    def option(self, name):
        """What Grafana puts in for a variable that lists label values, "All" chosen."""
        variable = VARIABLES[name]
        metric, label = re.fullmatch(r"label_values\((\w+), (\w+)\)", variable["query"]["query"]).groups()
        pattern = re.fullmatch(r"/(.*)/", variable["regex"]).group(1)
        values = self.prometheus.api(f"label/{label}/values", **{"match[]": metric})
        return "(" + "|".join(re.escape(value) for value in values if re.search(pattern, value)) + ")"

    def evaluate(self, expression, when=None):
        """As Grafana sends it, at the time of the last scrape: [(labels, value)]."""
        webhook = self.webhook.replace("\\", "\\\\")        # inside a quoted string
        expression = expression.replace("$__rate_interval", f"{WINDOW}s").replace("$webhook", webhook)
        assert "$" not in expression, f"a variable that is not replaced: {expression}"
        found = self.prometheus.query(expression, time=when or self.last)
        return [(each["metric"], float(each["value"][1])) for each in found]

    def panel(self, title):
        """The values of a panel's queries by legend."""
        (panel,) = [panel for panel in PANELS if panel["title"] == title]
        values = {}
        for target in panel["targets"]:
            for labels, value in self.evaluate(target["expr"]):
                values[re.sub(r"{{(\w+)}}", lambda m: labels[m[1]], target["legendFormat"])] = value
        return values


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("prometheus")
    (folder / "policy.lua").write_text(POLICY)
    api_server = ApiServer()
    with Server("--policy", folder) as server:
        prometheus = Prometheus(folder, {"castslice": server.metrics_port, "apiserver": api_server.http.server_port})
        try:
            connection = send_all(server, api_server, prometheus)
            yield Run(server, prometheus)
            connection.close()
        finally:
            prometheus.stop()
            api_server.close()


SENT = {kind: ROUNDS * count for kind, count in TRAFFIC.items()}
SENT["requests"] = SENT["mutations"] + SENT["noop"] + SENT["errors"]
SENT["policy_enforced"] = ROUNDS * 2                    # every other mutation of a round


# ---- what Prometheus makes of it ---------------------------------------------

def test_the_counters_are_what_was_sent(run):
    for kind, count in SENT.items():
        assert run.prometheus.total(f"castslice_{kind}_total") == count
        assert run.prometheus.total(f"increase(castslice_{kind}_total[{WINDOW}s])", time=run.last) == pytest.approx(count)
    assert run.prometheus.total("castslice_review_duration_seconds_count") == SENT["requests"]


@pytest.mark.parametrize("title,ref,expression", QUERIES, ids=[f"{title} {ref}" for title, ref, _ in QUERIES])
def test_every_query_has_an_answer(run, title, ref, expression):
    found = run.evaluate(expression)
    assert found and all(math.isfinite(value) and value >= 0 for _, value in found), (expression, found)


def test_the_rates_are_what_was_sent(run):
    for title, legend, kind in (("Request rate", "reviews", "requests"), ("No-op rate", "no-ops", "noop"),
                                ("GPU slice mutations rate", "mutations", "mutations"), ("Error rate", "errors", "errors"),
                                ("Pods enrolled by rules", "enrolled", "policy_enforced"),
                                ("Turned away", "malformed", "malformed_requests")):
        assert run.panel(title)[legend] * WINDOW == pytest.approx(SENT[kind]), title
    assert run.panel("Turned away")["overloaded (503)"] == 0
    failures = run.panel("Policy failures by reason")
    assert failures.pop("error") * WINDOW == pytest.approx(ROUNDS)
    assert failures == {"cpu": 0, "deadline": 0, "memory": 0, "internal": 0}


def test_efficiency_is_the_quotient_and_empty_without_reviews(run):
    (efficiency,) = [expression for title, _, expression in QUERIES if title == "Mutation efficiency"]
    assert run.panel("Mutation efficiency")["mutations / reviews"] == pytest.approx(SENT["mutations"] / SENT["requests"])
    assert run.prometheus.query(f"rate(castslice_requests_total[{WINDOW}s])", time=run.first)
    assert run.evaluate(efficiency, when=run.first) == []


def test_latency_lies_inside_the_buckets(run):
    latency = run.panel("Review latency")
    assert 0 < latency["p50"] <= latency["p90"] <= latency["p99"] <= 1
    half = [(float(labels["le"]), count) for labels, count in
            run.evaluate(f"sum by (le) (castslice_review_duration_seconds_bucket) >= {SENT['requests'] / 2}")]
    assert latency["p50"] <= min(half)[0]


def test_gauges_and_versions_count_replicas(run):
    assert run.panel("Load now") == {"reviews in flight": 0, "connections": 1}
    assert run.panel("Replicas by version") == {run.server.logged("ready")["version"]: 1}


def test_what_is_in_force_is_what_the_server_says(run):
    status = run.server.get("/status").json()
    assert run.panel("Replicas by policy") == {status["policy"]["digest"][:12]: 1}
    assert run.panel("Changes refused") == {"policy": 0, "certificate": 0, "embedded policy instead": 0}
    ends = datetime.datetime.fromisoformat(status["certificate"]["valid_until"]).timestamp()
    assert run.panel("Certificate: time left")["left"] == pytest.approx(ends - float(run.last), abs=1)


def test_panels_of_the_api_server_show_this_webhook_alone(run):
    assert run.webhook == r"(pods\.castslice\.example)"
    seen = 10 * (ROUNDS - 1)                            # the series began at 10, and rate does not know from what
    rejected = run.panel("API server: Pods rejected by error type")
    assert rejected.keys() == {"calling_webhook_error", "no_error"}
    for rate in (*rejected.values(), *run.panel("API server: failed open").values()):
        assert 0 < rate and seen == pytest.approx(rate * WINDOW, rel=0.5)
    assert run.panel("API server: time spent on the webhook")["p99"] == pytest.approx(0.005 * 0.99)


def test_a_metric_nobody_has_turns_a_query_empty(run):
    names = re.compile(r"\b(?:castslice|apiserver)_\w+")
    broken = [expression[:m.end()] + "_gone" + expression[m.end():] for _, _, expression in QUERIES
              for m in names.finditer(expression)]
    assert len(broken) >= len(QUERIES)
    for expression in broken:
        assert run.evaluate(expression) == [], expression


# ---- what Grafana makes of it ------------------------------------------------

def test_the_config_map_is_what_the_sidecar_looks_for():
    assert CONFIG_MAP["kind"] == "ConfigMap" and CONFIG_MAP["metadata"]["namespace"] == "cast-slice"
    assert CONFIG_MAP["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert len(CONFIG_MAP["data"]) == 1


def test_the_dashboard_has_what_grafana_asks_for():
    assert re.fullmatch(r"[a-zA-Z0-9_-]{1,40}", DASHBOARD["uid"]) and DASHBOARD["title"]
    assert "id" not in DASHBOARD, "Grafana gives the number"
    assert DASHBOARD["schemaVersion"] >= 36 and re.fullmatch(r"\d+[smh]", DASHBOARD["refresh"])
    assert VARIABLES["datasource"]["type"] == "datasource" and VARIABLES["datasource"]["query"] == "prometheus"
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    assert len({panel["title"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


def test_panels_do_not_overlap():
    taken = {}
    for panel in DASHBOARD["panels"]:
        x, y, w, h = (panel["gridPos"][key] for key in "xywh")
        assert 0 <= x and x + w <= 24 and 0 <= y and w > 0 and h > 0, panel["title"]
        for cell in itertools.product(range(x, x + w), range(y, y + h)):
            assert cell not in taken, f'{panel["title"]} lies over {taken[cell]}'
            taken[cell] = panel["title"]


@pytest.mark.parametrize("panel", PANELS, ids=[panel["title"] for panel in PANELS])
def test_each_panel_is_whole(panel):
    source = {"type": "prometheus", "uid": "${datasource}"}
    assert panel["type"] == "timeseries" and panel["description"].endswith(".")
    assert panel["fieldConfig"]["defaults"]["unit"] in {"reqps", "percentunit", "s", "short"}
    assert panel["datasource"] == source and panel["targets"]
    assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])
    for target in panel["targets"]:
        assert target["datasource"] == source and target["legendFormat"]
        used = set(re.findall(r"\$(\w+)", target["expr"])) - {"__rate_interval"}
        assert used <= VARIABLES.keys()
        assert ("apiserver_" in target["expr"]) == panel["title"].startswith("API server: ")


# ---- the alerts and the list of metrics --------------------------------------

def promtool(*arguments):
    done = subprocess.run(["promtool", *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_promtool_accepts_the_alerts():
    assert "SUCCESS" in promtool("check", "rules", MONITORING / "alerts.yaml")


def test_each_alert_fires_when_it_should_and_only_then():
    cases = ROOT / "tests/program/alerts.yaml"
    promtool("test", "rules", cases)
    for group in yaml.safe_load((MONITORING / "alerts.yaml").read_text())["groups"]:
        for rule in group["rules"]:
            assert f'alertname="{rule["alert"]}"' in cases.read_text(), "no case makes it fire"


def test_the_alerts_name_metrics_there_are(run):
    groups = yaml.safe_load((MONITORING / "alerts.yaml").read_text())["groups"]
    named = {name for group in groups for rule in group["rules"]
             for name in re.findall(r"\b(?:castslice|apiserver)_\w+", rule["expr"])}
    assert named and named <= set(run.prometheus.api("label/__name__/values"))


def test_the_page_lists_every_metric_and_no_other(run):
    page = run.server.get("/metrics").body.decode()
    served = dict(re.findall(r"^# TYPE (\w+) (\w+)$", page, re.M))
    text = (ROOT / "docs/monitoring.md").read_text()
    listed = dict(re.findall(r"^\| `(castslice_\w+)(?:\{\w+\})?` \| (\w+) \|", text, re.M))
    assert listed == served
    labels = set(re.findall(r"^(castslice_\w+)\{(\w+)=", page, re.M)) - {("castslice_review_duration_seconds_bucket", "le")}
    assert labels == set(re.findall(r"^\| `(castslice_\w+)\{(\w+)\}`", text, re.M))
