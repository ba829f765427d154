"""The fleet at an emulator: applied, unchanged by a second plan, used by the programs, destroyed."""

import hashlib
import io
import json
import subprocess
import tempfile
import time
import unittest
import zipfile
from pathlib import Path

from recorded import Recorder
from support import PROGRAMS, ROOT, Emulator, Folder, Terraform, run, tool

FLEET = "module.flotilla.module.fleet"

# What a second plan changes although nothing did: moto's own mistakes, by resource.
FALSE_CHANGES = {
    # It forgets the warm-up, and makes the preference null. With it the template's version is unknown again.
    f"{FLEET}.aws_autoscaling_group.this[0]": (
        ["update"],
        ["capacity_reservation_specification", "default_instance_warmup", "mixed_instances_policy"],
    ),
    # It invents both.
    f"{FLEET}.aws_autoscaling_lifecycle_hook.drain[0]": (["update"], ["notification_target_arn", "role_arn"]),
    # It reports the template's own tags as tags of what the template makes.
    f"{FLEET}.aws_launch_template.this[0]": (["update"], ["default_version", "latest_version", "tag_specifications"]),
    # It adds spaces to the JSON.
    "module.flotilla.module.store.aws_sqs_queue.operations[0]": (["update"], ["redrive_policy"]),
}


class Moto(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        tool("terraform")
        self.emulator = Emulator()
        self.addCleanup(self.emulator.close)
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.s3 = self.emulator.client("s3")
        for bucket in ("artifacts", "source", "destination"):
            self.s3.create_bucket(Bucket=bucket)
        code = io.BytesIO()
        with zipfile.ZipFile(code, "w") as archive:
            archive.writestr("bootstrap", "#!/bin/sh\n")
        key = "flotilla/0.1.0/flotilla-controller-0.1.0-aarch64.zip"
        self.s3.put_object(Bucket="artifacts", Key=key, Body=code.getvalue())
        state = f"{self.folder.name}/terraform.tfstate"
        digest = hashlib.sha256(b"").hexdigest()
        self.arguments = ["-input=false", "-no-color", f"-state={state}", f"-var=sha256={digest}"]
        self.terraform = Terraform(ROOT / "tests/deploy/fleet", self.emulator.environment)
        self.addCleanup(self.terraform.close)
        self.terraform.init()

    def test_a_fleet_is_applied_used_and_destroyed(self):
        self.terraform("apply", "-auto-approve", *self.arguments)
        self.assertEqual(self.changes_of_a_second_plan(), FALSE_CHANGES)
        state = f"-state={self.folder.name}/terraform.tfstate"
        fleet = Path(self.folder.name, "fleet.toml")
        fleet.write_text(self.terraform("output", "-raw", state, "fleet_file"))
        policies = json.loads(self.terraform("output", "-json", state, "policies"))
        recorder = Recorder(self.emulator.endpoint)
        recorder.start()
        self.a_task_is_done(fleet)
        self.rights_were_granted(policies, recorder.rights())
        self.terraform("destroy", "-auto-approve", *self.arguments)
        self.nothing_is_left()

    def changes_of_a_second_plan(self):
        plan = f"{self.folder.name}/plan"
        self.terraform("plan", f"-out={plan}", *self.arguments)
        shown = json.loads(self.terraform("show", "-json", plan))
        changes = {}
        for resource in shown.get("resource_changes", []):
            change = resource["change"]
            if change["actions"] == ["no-op"] or resource["mode"] == "data":
                continue
            before, after = change["before"] or {}, change["after"] or {}
            names = sorted(name for name in {*before, *after} if before.get(name) != after.get(name))
            changes[resource["address"]] = (change["actions"], names)
        return changes

    def a_task_is_done(self, fleet):
        for number in range(20):
            self.s3.put_object(Bucket="source", Key=f"2026/{number}", Body=b"x" * number)
        flotilla = [PROGRAMS / "flotilla"]
        run(*flotilla, "task", "create", "photos", "s3://source", "s3://destination", "--fleet", fleet, environment=self.as_role("admin"))
        run(*flotilla, "task", "run", "photos", "--fleet", fleet, environment=self.as_role("operator"))
        # The controller asks the group for the first machine.
        run(*flotilla, "controller", "--once", "--fleet", fleet, environment=self.as_role("controller"))
        machine = self.machines()[0]
        metadata = Folder(lambda method, path: answer(machine, method, path))
        self.addCleanup(metadata.close)
        programs = {key: value for key, value in self.as_role("worker").items() if key != "AWS_EC2_METADATA_DISABLED"}
        programs["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = metadata.endpoint
        log = open(f"{self.folder.name}/worker.log", "w+b")
        self.addCleanup(log.close)
        worker = subprocess.Popen([PROGRAMS / "worker", "--fleet", fleet], env=programs, stdout=log, stderr=log)
        self.addCleanup(worker.kill)
        deadline = time.monotonic() + 180
        while True:
            listed = self.s3.list_objects_v2(Bucket="destination").get("KeyCount", 0)
            if listed == 20:
                break
            if worker.poll() is not None or time.monotonic() > deadline:
                log.seek(0)
                self.fail(f"{listed} objects were copied: {log.read().decode()}")
            time.sleep(0.5)
        run(*flotilla, "controller", "--once", "--fleet", fleet, environment=self.as_role("controller"))
        status = run(*flotilla, "task", "show", "photos", "--fleet", fleet, environment=self.as_role("operator"))
        self.assertIn("done", status)
        # A worker closes what is open, the controller removes the task.
        run(*flotilla, "task", "delete", "photos", "--yes", "--fleet", fleet, environment=self.as_role("admin"))
        while self.emulator.client("sqs").list_queues(QueueNamePrefix="photos--photos").get("QueueUrls"):
            self.assertLess(time.monotonic(), deadline, "the task is removed")
            run(*flotilla, "controller", "--once", "--fleet", fleet, environment=self.as_role("controller"))
            time.sleep(0.5)
        worker.terminate()
        self.assertEqual(worker.wait(timeout=60), 0)

    def rights_were_granted(self, policies, needed):
        """What each role was seen to need is among what it has."""
        needed.pop("test")  # The test itself.
        self.assertEqual(sorted(needed), ["admin", "controller", "operator", "worker"])
        for role, rights in needed.items():
            granted = {action for statement in policies[role] for action in statement["Action"]}
            self.assertEqual({right: request for right, request in rights.items() if right not in granted}, {}, role)

    def as_role(self, role):
        """The environment of a program whose requests are known by their key."""
        return {**self.emulator.environment, "AWS_ACCESS_KEY_ID": role}

    def machines(self):
        groups = self.emulator.client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"]
        machines = [machine["InstanceId"] for group in groups for machine in group["Instances"]]
        self.assertEqual(len(machines), 1, "the controller asks for one machine")
        return machines

    def nothing_is_left(self):
        client = self.emulator.client
        self.assertEqual(client("dynamodb").list_tables()["TableNames"], [])
        self.assertEqual(client("sqs").list_queues().get("QueueUrls", []), [])
        self.assertEqual(client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"], [])
        self.assertEqual(client("lambda").list_functions()["Functions"], [])
        self.assertEqual(client("cloudwatch").describe_alarms()["MetricAlarms"], [])
        self.assertEqual(client("iam").list_roles()["Roles"], [])
        self.assertEqual(client("iam").list_policies(Scope="Local")["Policies"], [])
        self.assertEqual(client("sns").list_topics()["Topics"], [])
        self.assertEqual(client("events").list_rules()["Rules"], [])
        self.assertEqual(client("logs").describe_log_groups()["logGroups"], [])


def answer(machine, method, path):
    """The machine's metadata: its id, and no notice."""
    if method == "PUT":
        return b"token"
    return machine.encode() if path == "/latest/meta-data/instance-id" else None


if __name__ == "__main__":
    unittest.main()
