"""Rules and dashboards name metrics and labels that the programs have, and alerts have their sections in the docs."""

import json
import os
import re
import subprocess
import tempfile
import time
import unittest
import urllib.request
from pathlib import Path

import yaml

from support import PROGRAMS, ROOT, Folder, free_port, run, tool

PROMETHEUS = ROOT / "deploy/prometheus"
GRAFANA = ROOT / "deploy/grafana"

# Labels that Prometheus adds when it scrapes.
ADDED = {"fleet", "instance", "job", "le"}


# Metrics that no program of the scene below has.
NOT_IN_SCENE = {
    "flotilla_events_total": "counts events of buckets: tests/tests/end_to_end/events/scope.rs",
    "flotilla_worker_outdated": "takes a worker of a later release: tests/tests/end_to_end/upgrade.rs",
}


def table():
    """Names of metrics with their labels, from the code."""
    text = (ROOT / "shared/src/metrics.rs").read_text()
    rows = re.findall(r'^\s+[A-Z_]+ (\w+) \w+ "(\w+)" \[(.*?)\]', text, flags=re.M)
    return {name: (kind, set(re.findall(r'"(\w+)"', labels))) for kind, name, labels in rows}


def rules():
    groups = yaml.safe_load((PROMETHEUS / "rules.yaml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def dashboards():
    return {path.name: json.loads(path.read_text()) for path in GRAFANA.glob("*.json")}


def expressions():
    """Each expression with where it stands."""
    for rule in rules():
        yield rule.get("alert") or rule["record"], rule["expr"]
    for name, dashboard in dashboards().items():
        for panel in dashboard["panels"]:
            for target in panel["targets"]:
                yield f"{name}: {panel['title']}", target["expr"]


class Metrics(unittest.TestCase):
    def test_each_metric_and_label_exists(self):
        metrics, records = table(), {rule["record"] for rule in rules() if "record" in rule}
        self.assertGreater(len(metrics), 20)
        for where, expression in expressions():
            labels = set()
            for name in re.findall(r"\bflotilla_\w+", expression):
                base = re.sub(r"_(bucket|count|sum)$", "", name)
                self.assertIn(base, metrics, where)
                kind, own = metrics[base]
                self.assertEqual(name != base, kind == "Histogram", where)
                labels |= own
            for name in re.findall(r"\bflotilla:[\w:]+", expression):
                self.assertIn(name, records, where)
                labels |= {"state", "outcome", "by"}
            used = re.findall(r"(\w+)\s*(?:=~|!=|!~|=)\s*\"", expression)
            used += [label for group in re.findall(r"(?:by|on) \(([^)]*)\)", expression) for label in group.split(", ")]
            self.assertLessEqual(set(used), labels | ADDED, where)

    def test_each_metric_is_on_a_dashboard(self):
        shown = " ".join(expression for where, expression in expressions() if ".json" in where)
        self.assertEqual([name for name in table() if name not in shown], [])

    def test_each_alert_has_a_section(self):
        text = (ROOT / "docs/operations.md").read_text()
        folder = ROOT / "terraform/modules/observability"
        alarms = "".join((folder / name).read_text() for name in ("main.tf", "expressions.tf"))
        named = re.findall(r"docs/operations\.md, alarm ([a-z-]+)\"", alarms)
        named += re.findall(r"^    ([a-z-]+) = \{$", alarms, flags=re.M)
        for rule in rules():
            if "alert" in rule:
                self.assertEqual(rule["annotations"]["runbook"], f"docs/operations.md#{rule['alert'].lower()}")
                named.append(rule["alert"])
        self.assertEqual(len(named), 22)
        self.assertEqual([name for name in named if f"\n#### {name}\n" not in text], [])

    def test_each_metric_of_an_alarm_is_written(self):
        text = (ROOT / "shared/src/metrics/fleet.rs").read_text()
        names = set(re.findall(r'metric\(\s*"(\w+)"', text))
        folder = ROOT / "terraform/modules/observability"
        alarms = (folder / "main.tf").read_text()
        used = re.findall(r'(?:metric|metric_name) += "(\w+)"', alarms)
        used += re.findall(r'\bname = "(\w+)"', (folder / "expressions.tf").read_text())
        self.assertEqual(len(used), 11)
        group = (ROOT / "terraform/modules/fleet/main.tf").read_text()
        names |= set(re.findall(r'"(\w+)"', re.search(r"enabled_metrics += \[(.*)\]", group)[1]))
        self.assertEqual([name for name in used if name not in names], [])
        self.assertIn(f'DIMENSION: &str = "{re.search("dimensions = { (.*?) =", alarms)[1]}"', text)

    def test_dashboards_are_those_of_their_source(self):
        with tempfile.TemporaryDirectory() as folder:
            run("python3", GRAFANA / "make.py", folder)
            made = {path.name: path.read_text() for path in Path(folder).glob("*.json")}
        self.assertEqual(made, {path.name: path.read_text() for path in GRAFANA.glob("*.json")})


class Throttling(Folder):
    """A store that throttles all requests."""

    status = 503

    def __init__(self):
        super().__init__(lambda method, path: b"<Error><Code>SlowDown</Code><Message>Later</Message></Error>")


class Running(unittest.TestCase):
    """Programs at work on one machine: tasks that are served, one of them from a store that throttles, and a folder that
    is followed."""

    maxDiff = None

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="metrics-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.source = self.folder / "source"
        self.source.mkdir()
        (self.source / "first").write_text("1")
        self.environment = {"AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "k", "AWS_EC2_METADATA_DISABLED": "true"}
        self.addresses = []

    def start(self, name, *words):
        """A program that runs until the test ends, and serves its metrics."""
        address = f"127.0.0.1:{free_port()}"
        log = open(self.folder / f"{name}.log", "wb")
        self.addCleanup(log.close)
        state = self.folder / name
        program = subprocess.Popen(
            [PROGRAMS / "flotilla", name, *words, "--state", state, "--metrics-addr", address],
            env={**os.environ, **self.environment},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        self.addCleanup(program.wait, timeout=60)
        self.addCleanup(program.terminate)
        self.addresses.append(address)
        return state

    def until(self, reached, what):
        deadline = time.monotonic() + 120
        while not reached():
            if time.monotonic() > deadline:
                logs = [path.read_text() for path in self.folder.glob("*.log")]
                self.fail("\n".join([f"{what()}", *logs]))
            time.sleep(0.2)

    def scraped(self):
        """The metrics of all programs as text. A program that has not begun has none."""
        for address in self.addresses:
            try:
                with urllib.request.urlopen(f"http://{address}/metrics", timeout=10) as answer:
                    yield answer.read().decode()
            except OSError:
                continue

    def series(self):
        """Each metric that a program has, with its type and its labels' names and values."""
        found = {}
        for text in self.scraped():
            kinds = dict(re.findall(r"^# TYPE (\w+) (\w+)$", text, flags=re.M))
            for name, labels in re.findall(r"^(\w+)(?:\{(.*)\})? ", text, flags=re.M):
                base = re.sub(r"_(bucket|count|sum)$", "", name)
                base = base if kinds.get(base) == "histogram" else name
                _, values = found.setdefault(base, (kinds[base].capitalize(), {}))
                for label, value in re.findall(r'(\w+)="(.*?)"', labels):
                    values.setdefault(label, set()).add(value)
        return found

    def flotilla(self, *words):
        run(PROGRAMS / "flotilla", *words, environment=self.environment)

    def test_running_programs_have_the_metrics_and_labels(self):
        store = Throttling()
        self.addCleanup(store.close)
        state = self.start("serve", "--no-console")
        copies = [self.folder / name for name in ("copy", "followed")]
        self.until((state / "flotilla.db").exists, lambda: "serve made no records")
        self.flotilla("task", "create", "photos", self.source, copies[0], "--state", state)
        slow = ["s3://films", self.folder / "films", "--source-endpoint-url", store.endpoint]
        self.flotilla("task", "create", "films", *slow, "--state", state)
        for task in ("photos", "films"):
            self.flotilla("task", "run", task, "--state", state)
        self.start("watch", self.source, copies[1])
        self.until(lambda: all((copy / "first").exists() for copy in copies), lambda: "the first file is not copied")
        (self.source / "second").write_text("2")
        expected = {name for name in table() if name not in NOT_IN_SCENE}
        self.until(lambda: expected <= self.series().keys(), lambda: f"missing: {expected - self.series().keys()}")
        known = table()
        for name, (kind, labels) in self.series().items():
            self.assertEqual((kind, labels.keys() - {"le"}), known[name], name)
        self.values_are_documented()

    def values_are_documented(self):
        """The help of a metric with the label names each value, but those of labels without an end."""
        series, text = self.series(), "".join(self.scraped())
        for label in {label for _, labels in series.values() for label in labels} - {"le", "operation", "task"}:
            of = {name: labels[label] for name, (_, labels) in series.items() if label in labels}
            helped = " ".join(re.search(rf"^# HELP {name} (.*)$", text, flags=re.M)[1] for name in of)
            self.assertLessEqual(set().union(*of.values()), set(re.findall(r"[\w-]+", helped)), label)


class Rules(unittest.TestCase):
    def test_configuration_and_rules_are_valid(self):
        run(tool("promtool"), "check", "config", "--lint-fatal", "prometheus.yaml", folder=PROMETHEUS)

    def test_rules_raise_alerts(self):
        run(tool("promtool"), "test", "rules", "rules_test.yaml", folder=PROMETHEUS)

    def test_each_alert_is_tested(self):
        text = (PROMETHEUS / "rules_test.yaml").read_text()
        names = [rule["alert"] for rule in rules() if "alert" in rule]
        for name in names:
            self.assertRegex(text, rf"alertname: {name}\n\s+exp_alerts:\n")

    def test_pods_are_relabelled(self):
        # Some builds of promtool do not know the discovery of Kubernetes; the rest is checked over another one.
        text = (PROMETHEUS / "kubernetes.yaml").read_text()
        text = text.replace("kubernetes_sd_configs:\n      - role: pod", 'static_configs:\n      - targets: ["pod:9100"]')
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "prometheus.yaml")
            path.write_text(text)
            run(tool("promtool"), "check", "config", path)


if __name__ == "__main__":
    unittest.main()
