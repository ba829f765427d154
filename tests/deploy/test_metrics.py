"""Rules and dashboards name metrics and labels that the programs have, and alerts have their sections in the docs."""

import json
import re
import tempfile
import unittest
from pathlib import Path

import yaml

from support import ROOT, run, tool

PROMETHEUS = ROOT / "deploy/prometheus"
GRAFANA = ROOT / "deploy/grafana"

# Labels that Prometheus adds when it scrapes.
ADDED = {"fleet", "instance", "job", "le"}


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
        alarms = (ROOT / "terraform/modules/observability/main.tf").read_text()
        named = re.findall(r"docs/operations\.md, alarm ([a-z-]+)\"", alarms)
        named += re.findall(r"^    ([a-z-]+) = \{$", alarms, flags=re.M)
        for rule in rules():
            if "alert" in rule:
                self.assertEqual(rule["annotations"]["runbook"], f"docs/operations.md#{rule['alert'].lower()}")
                named.append(rule["alert"])
        self.assertEqual(len(named), 19)
        self.assertEqual([name for name in named if f"\n#### {name}\n" not in text], [])

    def test_each_metric_of_an_alarm_is_written(self):
        text = (ROOT / "shared/src/metrics/fleet.rs").read_text()
        names = set(re.findall(r'metric\(\s*"(\w+)"', text))
        alarms = (ROOT / "terraform/modules/observability/main.tf").read_text()
        used = re.findall(r'(?:metric|without|metric_name) += "(\w+)"', alarms)
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
