"""The Helm chart: linted, rendered, checked against the schemas of Kubernetes; the container files."""

import unittest

import yaml

from support import PROGRAMS, ROOT, run, tool

CHART = ROOT / "deploy/helm/flotilla"

# The provider of the console's sign-in.
CONSOLE = """issuer = "https://login.example.com"
client-id = "flotilla"
client-secret = "env:FLOTILLA_OIDC_SECRET"
public-url = "https://flotilla.example.com"
[roles]
admin = ["storage-admins"]
"""

# Settings that render everything that the chart knows.
EVERYTHING = {
    "publicUrl": "https://flotilla.example.com",
    "keda": {"enabled": True},
    "podMonitor": {"enabled": True},
    "environmentSecret": "keys",
    "imagePullSecrets": [{"name": "registry"}],
    "serviceAccount": {"annotations": {"eks.amazonaws.com/role-arn": "arn:aws:iam::111122223333:role/photos-worker"}},
    "worker": {"nodeSelector": {"kubernetes.io/arch": "arm64"}},
    "console": {"enabled": True, "oidc": CONSOLE, "serviceAccountName": "photos-console"},
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
        self.assertEqual(kinds, sorted([*both, "Deployment", "Deployment", "PodMonitor", "ScaledObject", "Service", "Service"]))

    def test_pods_are_not_root_and_write_nothing(self):
        everything = [*rendered({}), *rendered(EVERYTHING)]
        pods = [one["spec"]["template"]["spec"] for one in everything if one["kind"] == "Deployment"]
        jobs = [one["spec"]["jobTemplate"]["spec"] for one in everything if one["kind"] == "CronJob"]
        pods += [job["template"]["spec"] for job in jobs]
        self.assertEqual(len(pods), 5)
        for pod in pods:
            self.assertTrue(pod["securityContext"]["runAsNonRoot"])
            for container in pod["containers"]:
                self.assertTrue(container["securityContext"]["readOnlyRootFilesystem"])
                self.assertEqual(container["securityContext"]["capabilities"], {"drop": ["ALL"]})

    def worker(self, values):
        deployments = [one for one in rendered(values) if one["kind"] == "Deployment"]
        return next(one for one in deployments if one["metadata"]["name"].endswith("-worker"))

    def test_pods_have_longer_than_a_drain(self):
        drain = int(self.fleet_file({})["work"]["drain"].removesuffix("s"))
        grace = self.worker({})["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
        self.assertGreaterEqual(grace, drain + 30)

    def test_notices_link_to_where_people_reach_the_console(self):
        without, everything = self.fleet_file({}), self.fleet_file(EVERYTHING)
        self.assertNotIn("public-url", without)
        self.assertEqual(everything, {**without, "public-url": EVERYTHING["publicUrl"]})
        own = 'name = "photos"\npublic-url = "https://own.example.com"\n'
        self.assertEqual(self.fleet_file({"fleetFile": own})["public-url"], "https://own.example.com")
        with self.assertRaisesRegex(Exception, "leave publicUrl empty"):
            rendered({"fleetFile": own, **EVERYTHING})

    def test_another_public_url_replaces_the_pods(self):
        one, other = rendered(EVERYTHING), rendered({**EVERYTHING, "publicUrl": "https://other.example.com"})
        for before, after in zip(one, other, strict=True):
            if before["kind"] == "Deployment":
                sums = [part["spec"]["template"]["metadata"]["annotations"]["checksum/fleet"] for part in (before, after)]
                self.assertNotEqual(*sums, before["metadata"]["name"])

    def fleet_file(self, values):
        import tomllib

        config = next(one for one in rendered(values) if one["kind"] == "ConfigMap")
        return tomllib.loads(config["data"]["fleet.toml"])

    def test_scaling_follows_the_controllers_metric(self):
        self.assertEqual(self.worker({})["spec"]["replicas"], 1)
        self.assertNotIn("replicas", self.worker(EVERYTHING)["spec"])
        scaled = next(one for one in rendered(EVERYTHING) if one["kind"] == "ScaledObject")
        trigger = scaled["spec"]["triggers"][0]["metadata"]
        service = self.controllers_service(rendered(EVERYTHING))
        self.assertEqual(trigger["url"], f"http://{service['metadata']['name']}.default.svc:9100/metrics")
        self.assertIn(f'"{trigger["valueLocation"]}" []', (ROOT / "shared/src/metrics.rs").read_text())


    def controllers_service(self, everything):
        services = [one for one in everything if one["kind"] == "Service"]
        return next(one for one in services if one["metadata"]["name"].endswith("-controller"))

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
        service = self.controllers_service(everything)
        deployments = [one for one in everything if one["kind"] == "Deployment"]
        pods = [one["spec"]["template"] for one in deployments]
        selector = service["spec"]["selector"].items()
        [pod] = [pod for pod in pods if selector <= pod["metadata"]["labels"].items()]
        [container] = pod["spec"]["containers"]
        port = service["spec"]["ports"][0]
        self.assertEqual(port["targetPort"], container["ports"][0]["name"])
        self.assertIn(f"0.0.0.0:{container['ports'][0]['containerPort']}", container["command"])


    def console(self):
        everything = rendered(EVERYTHING)
        named = [one for one in everything if one["metadata"]["name"].endswith("-console")]
        return {one["kind"]: one for one in named}, everything

    def test_the_console_stands_behind_a_sign_in(self):
        import tomllib

        parts, everything = self.console()
        pod = parts["Deployment"]["spec"]["template"]
        [container] = pod["spec"]["containers"]
        self.assertEqual(pod["spec"]["serviceAccountName"], "photos-console")
        self.assertEqual(parts["Service"]["spec"]["ports"][0]["targetPort"], container["ports"][0]["name"])
        self.assertLessEqual(parts["Service"]["spec"]["selector"].items(), pod["metadata"]["labels"].items())
        config = next(one for one in everything if one["kind"] == "ConfigMap")["data"]["console.toml"]
        self.assertEqual(tomllib.loads(config), tomllib.loads(CONSOLE))
        policy = next(one for one in everything if one["kind"] == "NetworkPolicy")
        open_ports = {port["port"] for rule in policy["spec"]["ingress"] for port in rule["ports"]}
        self.assertEqual(open_ports, {9100, 7300})
        with self.assertRaises(Exception):
            rendered({"console": {"enabled": True}})

    def test_programs_take_the_options_of_their_pods(self):
        pods = [one["spec"]["template"]["spec"] for one in rendered(EVERYTHING) if one["kind"] == "Deployment"]
        commands = [pod["containers"][0]["command"] for pod in pods]
        self.assertEqual(len(commands), 3)
        for command in (command for command in commands if "console" not in command):
            self.assert_taken(command)

    def test_the_console_takes_the_options_of_its_pod(self):
        parts, _ = self.console()
        command = parts["Deployment"]["spec"]["template"]["spec"]["containers"][0]["command"]
        self.assert_taken(command)

    def assert_taken(self, command):
        words = [word for word in command[1:2] if not word.startswith("-")]
        known = run(PROGRAMS / command[0], *words, "--help")
        for option in (word for word in command if word.startswith("--")):
            self.assertIn(option, known, command)


class Container(unittest.TestCase):
    def test_container_files_pass_hadolint(self):
        for name in ("Dockerfile", "release.Dockerfile"):
            run(tool("hadolint"), ROOT / "deploy/container" / name)

    def test_the_compose_file_is_read(self):
        compose = yaml.safe_load((ROOT / "deploy/container/compose.yaml").read_text())
        self.assertTrue(compose["services"]["flotilla"]["read_only"])


if __name__ == "__main__":
    unittest.main()
