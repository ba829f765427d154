"""The Helm chart: linted, rendered, checked against the schemas of Kubernetes; the container files."""

import unittest

import yaml

from support import ROOT, run, tool

CHART = ROOT / "deploy/helm/flotilla"

# Settings that render everything that the chart knows.
EVERYTHING = {
    "keda": {"enabled": True},
    "podMonitor": {"enabled": True},
    "environmentSecret": "keys",
    "imagePullSecrets": [{"name": "registry"}],
    "serviceAccount": {"annotations": {"eks.amazonaws.com/role-arn": "arn:aws:iam::111122223333:role/photos-worker"}},
    "worker": {"nodeSelector": {"kubernetes.io/arch": "arm64"}},
}

# Kinds of other projects: no schema of Kubernetes has them.
FOREIGN = {"ScaledObject", "PodMonitor"}

# Fields of KEDA's ScaledObject (keda.sh/v1alpha1) that the chart uses, and of its trigger metrics-api, with their types.
SCALED_OBJECT = {
    "scaleTargetRef": dict,
    "minReplicaCount": int,
    "maxReplicaCount": int,
    "pollingInterval": int,
    "cooldownPeriod": int,
    "triggers": list,
}
METRICS_API = {"url", "format", "valueLocation", "targetValue", "activationTargetValue"}


def rendered(values):
    import helm_python.chart

    chart = helm_python.chart.Chart.load(str(CHART))
    texts = chart.render(values, name="photos", namespace="default")
    return [
        one
        for name, text in texts.items()
        if name.endswith(".yaml")
        for one in yaml.safe_load_all(text)
        if one
    ]


class Chart(unittest.TestCase):
    def test_the_chart_passes_lint(self):
        import helm_python.chart

        for values in ({}, EVERYTHING):
            report = helm_python.chart.lint(str(CHART), values=values, strict=True)
            problems = [one for one in report["messages"] if "icon" not in one["error"]]
            self.assertEqual(problems, [])

    def test_what_is_rendered_follows_the_schemas(self):
        import kubernetes_validate

        for values in ({}, EVERYTHING):
            for one in rendered(values):
                if one["kind"] not in FOREIGN:
                    kubernetes_validate.validate(one, "1.37", strict=True)

    def test_everything_is_rendered(self):
        both = ["ConfigMap", "Deployment", "NetworkPolicy", "ServiceAccount"]
        self.assertEqual(sorted(one["kind"] for one in rendered({})), sorted([*both, "CronJob"]))
        kinds = sorted(one["kind"] for one in rendered(EVERYTHING))
        self.assertEqual(kinds, sorted([*both, "Deployment", "PodMonitor", "ScaledObject", "Service"]))

    def test_pods_are_not_root_and_write_nothing(self):
        everything = [*rendered({}), *rendered(EVERYTHING)]
        pods = [one["spec"]["template"]["spec"] for one in everything if one["kind"] == "Deployment"]
        jobs = [one["spec"]["jobTemplate"]["spec"] for one in everything if one["kind"] == "CronJob"]
        pods += [job["template"]["spec"] for job in jobs]
        self.assertEqual(len(pods), 4)
        for pod in pods:
            self.assertTrue(pod["securityContext"]["runAsNonRoot"])
            for container in pod["containers"]:
                self.assertTrue(container["securityContext"]["readOnlyRootFilesystem"])
                self.assertEqual(container["securityContext"]["capabilities"], {"drop": ["ALL"]})

    def worker(self, values):
        deployments = [one for one in rendered(values) if one["kind"] == "Deployment"]
        return next(one for one in deployments if one["metadata"]["name"].endswith("-worker"))

    def test_pods_have_longer_than_a_drain(self):
        import tomllib

        config = next(one for one in rendered({}) if one["kind"] == "ConfigMap")
        drain = int(tomllib.loads(config["data"]["fleet.toml"])["work"]["drain"].removesuffix("s"))
        grace = self.worker({})["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
        self.assertGreaterEqual(grace, drain + 30)

    def test_scaling_follows_the_controllers_metric(self):
        self.assertEqual(self.worker({})["spec"]["replicas"], 1)
        self.assertNotIn("replicas", self.worker(EVERYTHING)["spec"])
        scaled = next(one for one in rendered(EVERYTHING) if one["kind"] == "ScaledObject")
        trigger = scaled["spec"]["triggers"][0]["metadata"]
        service = next(one for one in rendered(EVERYTHING) if one["kind"] == "Service")
        self.assertEqual(trigger["url"], f"http://{service['metadata']['name']}.default.svc:9100/metrics")
        self.assertIn(f'"{trigger["valueLocation"]}" []', (ROOT / "shared/src/metrics.rs").read_text())


    def test_the_scaled_object_has_the_fields_of_keda(self):
        everything = rendered(EVERYTHING)
        scaled = next(one for one in everything if one["kind"] == "ScaledObject")
        self.assertEqual(scaled["apiVersion"], "keda.sh/v1alpha1")
        self.assertEqual({name: type(value) for name, value in scaled["spec"].items()}, SCALED_OBJECT)
        self.assertEqual(scaled["spec"]["scaleTargetRef"], {"name": self.worker(EVERYTHING)["metadata"]["name"]})
        [trigger] = scaled["spec"]["triggers"]
        self.assertEqual((set(trigger), trigger["type"]), ({"type", "metadata"}, "metrics-api"))
        self.assertEqual(set(trigger["metadata"]), METRICS_API)
        # KEDA reads all of them as texts.
        self.assertEqual({type(value) for value in trigger["metadata"].values()}, {str})
        self.assertLess(scaled["spec"]["minReplicaCount"], scaled["spec"]["maxReplicaCount"])

    def test_the_scaled_object_reads_a_port_that_the_controller_opens(self):
        everything = rendered(EVERYTHING)
        service = next(one for one in everything if one["kind"] == "Service")
        deployments = [one for one in everything if one["kind"] == "Deployment"]
        pods = [one["spec"]["template"] for one in deployments]
        selector = service["spec"]["selector"].items()
        [pod] = [pod for pod in pods if selector <= pod["metadata"]["labels"].items()]
        [container] = pod["spec"]["containers"]
        port = service["spec"]["ports"][0]
        self.assertEqual(port["targetPort"], container["ports"][0]["name"])
        self.assertIn(f"0.0.0.0:{container['ports'][0]['containerPort']}", container["command"])


class Container(unittest.TestCase):
    def test_container_files_pass_hadolint(self):
        for name in ("Dockerfile", "release.Dockerfile"):
            run(tool("hadolint"), ROOT / "deploy/container" / name)

    def test_the_compose_file_is_read(self):
        compose = yaml.safe_load((ROOT / "deploy/container/compose.yaml").read_text())
        self.assertTrue(compose["services"]["flotilla"]["read_only"])


if __name__ == "__main__":
    unittest.main()
