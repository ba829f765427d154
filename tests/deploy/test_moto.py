"""The fleet at an emulator: applied, unchanged by a second plan, used by the programs, destroyed."""

import hashlib
import io
import json
import re
import subprocess
import tempfile
import time
import unittest
import urllib.parse
import zipfile
from pathlib import Path

from console import Console
from recorded import ASSUMED, Recorder
from support import PROGRAMS, ROOT, Emulator, Folder, Terraform, run, tool

FLEET = "module.flotilla.module.fleet"

# Of another account, as fleet/main.tf names it.
LENT_ROLE = "arn:aws:iam::123456789012:role/lent"

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

# What a role has and no request of this scene needs: by what does.
NOT_NEEDED_HERE = {
    "admin": {
        "flotilla doctor": ["dynamodb:BatchGetItem"],
        "events of a bucket": ["sqs:SetQueueAttributes"],
    },
    "controller": {
        "the function's log": ["logs:CreateLogStream", "logs:PutLogEvents"],
        "a notice": ["sns:Publish"],
        "events of a bucket": ["sqs:SetQueueAttributes"],
        "a queue that somebody removed": ["sqs:CreateQueue", "sqs:TagQueue"],
        "a machine without a heartbeat": [
            "autoscaling:DescribeAutoScalingInstances",
            "autoscaling:TerminateInstanceInAutoScalingGroup",
        ],
    },
    "operator": {
        "flotilla doctor": ["dynamodb:BatchGetItem", "dynamodb:BatchWriteItem"],
    },
    "viewer": {},
    "worker": {
        "the end of an idle machine": [
            "autoscaling:DescribeAutoScalingInstances",
            "autoscaling:TerminateInstanceInAutoScalingGroup",
        ],
        "objects with access control lists": ["s3:GetBucketAcl", "s3:GetObjectAcl", "s3:PutObjectAcl"],
        "objects with tags": ["s3:PutObjectTagging"],
        "archived objects": ["s3:RestoreObject"],
        "uploads that were cut off": ["s3:ListBucketMultipartUploads", "s3:ListMultipartUploadParts"],
        "jobs that take longer than a lease": ["sqs:ChangeMessageVisibility"],
        "a queue that somebody removed": ["sqs:CreateQueue", "sqs:TagQueue"],
        "the depth of a queue, which a listing of over 15 s or in slices reads": ["sqs:GetQueueAttributes"],
    },
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
        before = self.made()
        self.terraform("apply", "-auto-approve", *self.arguments)
        self.assertEqual(self.changes_of_a_second_plan(), FALSE_CHANGES)
        state = f"-state={self.folder.name}/terraform.tfstate"
        fleet = Path(self.folder.name, "fleet.toml")
        fleet.write_text(self.terraform("output", "-raw", state, "fleet_file"))
        of_pods = Path(self.folder.name, "pods.toml")
        of_pods.write_text(self.terraform("output", "-raw", state, "fleet_file_for_pods"))
        policies = json.loads(self.terraform("output", "-json", state, "policies"))
        recorder = Recorder(self.emulator.endpoint)
        recorder.start()
        self.a_task_is_done(fleet)
        said = self.terraform("plan", *self.arguments)
        self.assertIn("photos", self.flotilla(of_pods, "viewer", "task", "list"))
        of_task = {f"photos--photos{suffix}" for suffix in ("", "--events", "--dead")}
        self.assertEqual(queues_that_would_stay(said), of_task)
        self.a_task_has_lent_credentials(fleet)
        self.people_look_and_act(fleet)
        self.tasks_are_deleted(fleet)
        self.rights_were_granted(policies, recorder.rights())
        self.terraform("destroy", "-auto-approve", *self.arguments)
        self.assertEqual(self.made(), before)

    def changes_of_a_second_plan(self):
        plan = f"{self.folder.name}/plan"
        said = self.terraform("plan", f"-out={plan}", *self.arguments)
        self.assertEqual(queues_that_would_stay(said), set())
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

    def flotilla(self, fleet, role, *words):
        return run(PROGRAMS / "flotilla", *words, "--fleet", fleet, environment=self.as_role(role))

    def start_worker(self, fleet):
        """A worker on the group's machine."""
        machine = self.machines()[0]
        metadata = Folder(lambda method, path: answer(machine, method, path))
        self.addCleanup(metadata.close)
        programs = {key: value for key, value in self.as_role("worker").items() if key != "AWS_EC2_METADATA_DISABLED"}
        programs["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = metadata.endpoint
        self.log = open(f"{self.folder.name}/worker.log", "w+b")
        self.addCleanup(self.log.close)
        self.worker = subprocess.Popen([PROGRAMS / "worker", "--fleet", fleet], env=programs, stdout=self.log, stderr=self.log)
        self.addCleanup(self.worker.kill)

    def until(self, reached, fleet):
        """Waits, while the worker works and the controller looks."""
        deadline = time.monotonic() + 180
        while not reached():
            if self.worker.poll() is not None or time.monotonic() > deadline:
                self.log.seek(0)
                self.fail(self.log.read().decode())
            self.flotilla(fleet, "controller", "controller", "--once")
            time.sleep(0.5)

    def a_task_is_done(self, fleet):
        for number in range(20):
            self.s3.put_object(Bucket="source", Key=f"2026/{number}", Body=b"x" * number)
        self.flotilla(fleet, "admin", "task", "create", "photos", "s3://source", "s3://destination")
        self.flotilla(fleet, "operator", "task", "run", "photos")
        # The controller asks the group for the first machine.
        self.flotilla(fleet, "controller", "controller", "--once")
        self.start_worker(fleet)
        self.until_copied(fleet, "photos", "")

    def a_task_has_lent_credentials(self, fleet):
        """Of a role that the worker assumes, and of a secret that it reads: by keys that the recorder leaves out."""
        keys = json.dumps({"access_key_id": "test", "secret_access_key": "test"})
        self.emulator.client("secretsmanager").create_secret(Name="lent", SecretString=keys)
        sides = ["s3://source", "s3://destination/lent", "--source-credentials", f"role:{LENT_ROLE}"]
        sides += ["--destination-credentials", "secretsmanager:lent"]
        self.flotilla(fleet, "admin", "task", "create", "lent", *sides)
        self.flotilla(fleet, "operator", "task", "run", "lent")
        self.until_copied(fleet, "lent", "lent/")

    def until_copied(self, fleet, task, prefix):
        objects = {"Bucket": "destination", "Prefix": prefix}
        self.until(lambda: self.s3.list_objects_v2(**objects).get("KeyCount", 0) == 20, fleet)
        self.until(lambda: self.shown(fleet, task)["run"] is None, fleet)
        self.assertIn("done", self.flotilla(fleet, "viewer", "task", "show", task))

    def shown(self, fleet, task):
        return json.loads(self.flotilla(fleet, "viewer", "task", "show", task, "--json"))

    def people_look_and_act(self, fleet):
        """Each operation of the API, by somebody with the rights of the least role that may do it."""
        queue = self.emulator.client("sqs")
        dead = queue.get_queue_url(QueueName="photos--photos--dead")["QueueUrl"]
        consoles = {role: Console(fleet, self.as_role(role)) for role in ("viewer", "operator", "admin")}
        for console in consoles.values():
            self.addCleanup(console.close)
        viewer, operator, admin = consoles.values()
        last = viewer("GET", "/tasks/photos/runs")["items"][0]["id"]
        queue.send_message(QueueUrl=dead, MessageBody='{"key": "2026/1"}')
        for path in looks(viewer("GET", "/openapi.json"), last):
            for console in consoles.values():
                console("GET", path)
        operator("POST", f"/runs/{last}/retry", {}, refused="nothing-failed")
        operator("PATCH", "/tasks/photos/limits", {"machines": 3})
        for change in ("pause", "resume", "dead-letters/redrive"):
            operator("POST", f"/tasks/photos/{change}")
        begun = operator("POST", "/tasks/photos/runs", {"supersede": True})["run"]
        operator("POST", f"/runs/{begun}/cancel")
        checked = operator("POST", "/tasks/photos/verifications", {})["operation"]
        self.assertEqual(viewer.until_ended(checked, "photos")["verdict"], "succeeded")
        queue.send_message(QueueUrl=dead, MessageBody="{}")
        admin("POST", "/tasks/photos/dead-letters/purge")
        for asked, body in (("plans", {}), ("probes", {"write_test": True})):
            asked = admin("POST", f"/{asked}", {"task": "photos", **body})["operation"]
            self.assertEqual(viewer.until_ended(asked, "photos")["verdict"], "succeeded")
        version, definition = admin.version("photos")
        admin("POST", "/tasks", {**definition, "task": "films"})
        admin("PUT", "/tasks/photos", {**definition, "description": "All of them"}, if_match=version)
        admin("DELETE", "/tasks/films")

    def tasks_are_deleted(self, fleet):
        """A worker closes what is open, the controller removes the tasks."""
        for task in ("photos", "lent"):
            self.flotilla(fleet, "admin", "task", "delete", task, "--records", "--yes")
        queues = self.emulator.client("sqs")
        of_tasks = [f"photos--{task}" for task in ("photos", "films", "lent")]
        self.until(lambda: not any(queues.list_queues(QueueNamePrefix=name).get("QueueUrls") for name in of_tasks), fleet)
        self.worker.terminate()
        self.assertEqual(self.worker.wait(timeout=60), 0)

    def rights_were_granted(self, policies, needed):
        """Each role has what it was seen to need, and what it has was seen to be needed, or has a reason."""
        # What an assumed role may do is said by its own policies: it reads the source.
        self.assertIn("s3:GetObject", needed.pop(ASSUMED))
        self.assertEqual(sorted(needed), ["admin", "controller", "operator", "viewer", "worker"])
        missing, unneeded = {}, {}
        for role, rights in needed.items():
            granted = {action for statement in policies[role] for action in statement["Action"]}
            missing |= {(role, right): request for right, request in rights.items() if right not in granted}
            unneeded[role] = sorted(granted - set(rights))
        self.assertEqual(missing, {})
        known = {role: sorted(right for rights in uses.values() for right in rights) for role, uses in NOT_NEEDED_HERE.items()}
        # The depth of a queue is read if a listing takes long enough.
        unneeded["worker"] = sorted({*unneeded["worker"], "sqs:GetQueueAttributes"})
        self.assertEqual(unneeded, known)

    def as_role(self, role):
        """The environment of a program whose requests are known by their key."""
        return {**self.emulator.environment, "AWS_ACCESS_KEY_ID": role}

    def machines(self):
        groups = self.emulator.client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"]
        machines = [machine["InstanceId"] for group in groups for machine in group["Instances"]]
        self.assertEqual(len(machines), 1, "the controller asks for one machine")
        return machines

    def made(self):
        """What the account has, by kind."""
        client = self.emulator.client
        ec2, iam, s3 = client("ec2"), client("iam"), self.s3
        uploads = [s3.list_multipart_uploads(Bucket=bucket).get("Uploads", []) for bucket in ("source", "destination")]
        return {
            "alarms": client("cloudwatch").describe_alarms()["MetricAlarms"],
            "functions": client("lambda").list_functions()["Functions"],
            "groups": client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"],
            "instance profiles": iam.list_instance_profiles()["InstanceProfiles"],
            "launch templates": ec2.describe_launch_templates()["LaunchTemplates"],
            "log groups": client("logs").describe_log_groups()["logGroups"],
            "policies": iam.list_policies(Scope="Local")["Policies"],
            "queues": client("sqs").list_queues().get("QueueUrls", []),
            "roles": iam.list_roles()["Roles"],
            "rules": client("events").list_rules()["Rules"],
            "security groups": [group["GroupId"] for group in ec2.describe_security_groups()["SecurityGroups"]],
            "subscriptions": client("sns").list_subscriptions()["Subscriptions"],
            "tables": client("dynamodb").list_tables()["TableNames"],
            "topics": client("sns").list_topics()["Topics"],
            "uploads": [upload for found in uploads for upload in found],
            "users": iam.list_users()["Users"],
            "VPCs": [network["VpcId"] for network in ec2.describe_vpcs()["Vpcs"]],
        }


def queues_that_would_stay(said):
    """The queues of tasks that a plan names, because a destroy would leave them."""
    named = re.search(r"would leave the queues of tasks: (.*?)\. To destroy", " ".join(said.split()))
    return set(named[1].split(", ")) if named else set()


def looks(document, run):
    """Each path that a viewer may look at, of the task and its run, but for the endless one."""
    values = {"task": "photos", "run": run, "operation": run, "key": "2026/1"}
    for path, methods in document["paths"].items():
        look = methods.get("get")
        if not look or look["x-role"] != "viewer" or look["operationId"] == "stream":
            continue
        names = {one["name"]: one for one in look.get("parameters", [])}
        query = {name: values[name] for name, one in names.items() if one["in"] == "query" and name in values}
        yield path.removeprefix("/api/v1").format(**values) + ("?" + urllib.parse.urlencode(query) if query else "")


def answer(machine, method, path):
    """The machine's metadata: its id, and no notice."""
    if method == "PUT":
        return b"token"
    return machine.encode() if path == "/latest/meta-data/instance-id" else None


if __name__ == "__main__":
    unittest.main()
