"""Each command of the documents is run, or says why it is not.

`SCENES` runs them as they are shown, but for names that stand for others, in a copy of this machine's system and against
an emulator of AWS. `ELSEWHERE` names the test that runs a command, `NOT_RUN` the reason. A command of a document that is
in none of them fails, and one of them that is in no document too.

Of commands within sentences, the program itself says whether it has them with these options; `IN_SENTENCES` has those of
other programs.
"""

import functools
import io
import json
import os
import re
import shutil
import subprocess
import tempfile
import textwrap
import unittest
import urllib.request
import zipfile

from documented import OUR_PROGRAMS, commands_in_sentences, commands_of, documents
from sandbox import inside
from support import BIN, PROGRAMS, ROOT, Emulator, run, tool

README, CONSOLE, DEPLOYMENT = "README.md", "docs/console.md", "docs/deployment.md"
OPERATIONS, REFERENCE, FUNCTIONS = "docs/operations.md", "docs/reference.md", "deploy/functions/README.md"

# A step that ends otherwise than it should ends the scene with its output. A command that runs until it is stopped is stopped after some seconds.
PRELUDE = """
export PATH=/given/bin:$PATH HOME=/root EDITOR=true AWS_PAGER= AWS_ENDPOINT_URL={endpoint} AWS_REGION=us-east-1
export AWS_DEFAULT_REGION=us-east-1 AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_EC2_METADATA_DISABLED=true
export MINIO_ACCESS_KEY_ID=test MINIO_SECRET_ACCESS_KEY=test
cd /root
step() {{
    code=0
    timeout --signal=INT --kill-after=20 "$1" sh -euc "$3" >/tmp/step 2>&1 || code=$?
    case " $2 " in *" $code "*) ;; *) echo "$3 ended with $code:"; tail -n 20 /tmp/step; exit 1 ;; esac
}}
"""

# Seconds after which a command that runs until it is stopped is stopped, and how it ends then.
STOPPED = (8, "0 124 130")


class Scene:
    """Commands in the order in which they run in one system, after `before`."""

    def __init__(self, before, *steps):
        self.before, self.steps = before, steps

    def script(self, endpoint):
        lines = [PRELUDE.format(endpoint=endpoint), textwrap.dedent(self.before)]
        for step in self.steps:
            _, command, *how = step
            replaced = [pair for pair in how if isinstance(pair, tuple) and isinstance(pair[0], str)]
            seconds, codes = next((pair for pair in how if isinstance(pair, tuple) and isinstance(pair[0], int)), (120, "0"))
            for before, after in replaced:
                assert before in command, (command, before)
                command = command.replace(before, after.replace("{endpoint}", endpoint))
            lines.append("step %s '%s' %s" % (seconds, codes, quoted(command)))
        return "\n".join(lines)


def quoted(text):
    return "'" + text.replace("'", "'\\''") + "'"


STATE = " --state /var/lib/flotilla"
FLEET = 'name = "photos"\n[queue]\nregion = "us-east-1"\n[ledger]\ntable = "photos"\nregion = "us-east-1"\n'
# A worker, and a pass of the controller each second: what a fleet has.
AT_WORK = """
printf '%s' '{fleet}' >fleet.toml
flotilla init --fleet fleet.toml
worker --fleet fleet.toml --metrics-addr 127.0.0.1:0 >/tmp/worker 2>&1 &
(while sleep 1; do flotilla controller --once --fleet fleet.toml >/tmp/controller 2>&1; done) &
"""
TASK_FILE = """
task = "photos"
[source]
location = "s3://photos"
[destination]
location = "s3://backup/photos"
[queue]
name = "flotilla-photos"
[ledger]
table = "flotilla-photos"
"""

SCENES = {
    "sync": Scene(
        "mkdir -p /photos /backup/photos shared; echo a >/photos/a; echo b >shared/b",
        (README, "cargo run --release -- sync shared /tmp/flotilla-demo", ("cargo run --release --", "flotilla")),
        (README, "flotilla sync s3://photos/2026 s3://backup/photos/2026"),
        (
            README,
            "flotilla sync s3://photos /backup/photos --source-endpoint-url https://minio.example.net --source-credentials env:MINIO",
            ("https://minio.example.net", "{endpoint}"),
        ),
        (README, "flotilla sync s3://photos s3://backup/photos --delete --max-delete 1000"),
        (README, "flotilla plan s3://photos s3://backup/photos --delete"),
        (README, "flotilla verify s3://photos s3://backup/photos"),
        (REFERENCE, "flotilla verify s3://photos s3://backup/photos"),
        (REFERENCE, "flotilla verify s3://photos s3://backup/photos --deep"),
        (REFERENCE, "flotilla verify s3://photos s3://backup/photos --quick"),
        (README, "flotilla watch /photos s3://backup/photos", STOPPED),
        (README, "flotilla ls s3://photos/2026"),
        (README, "flotilla status"),
        (README, "flotilla failures"),
        (README, "flotilla retry"),
        (REFERENCE, "flotilla sync s3://photos/2026/f1.dat /backup/"),
        (REFERENCE, "flotilla watch /photos s3://backup/photos --delete", STOPPED),
        (
            REFERENCE,
            "flotilla watch s3://photos /backup/photos --events-queue photos-events --events-queue-region eu-central-1",
            STOPPED,
        ),
    ),
    "one machine": Scene(
        f"""
        mkdir -p /srv/photos /var/lib/flotilla; echo a >/srv/photos/a
        flotilla serve{STATE} >/tmp/serve 2>&1 &
        served=$!
        for _ in $(seq 60); do flotilla task list{STATE} >/dev/null 2>&1 && break; sleep 0.5; done
        """,
        (README, f'flotilla task create photos s3://photos s3://backup/photos --schedule "every 6h"{STATE}'),
        (README, f"flotilla task run photos{STATE}"),
        (README, f"flotilla task list{STATE}"),
        (README, f"flotilla task edit photos{STATE}"),
        (
            DEPLOYMENT,
            f'flotilla task create photos /srv/photos s3://backup/photos --schedule "every 1h"{STATE}',
            ("create photos", "create folder"),
            ("backup/photos", "backup/folder"),
        ),
        (CONSOLE, "flotilla console --state DIR", ("DIR", "/var/lib/flotilla --listen 127.0.0.1:0"), STOPPED),
        (
            OPERATIONS,
            "sqlite3 STATE/flotilla.db 'SELECT queue, reason, body FROM dead_letters'",
            ("STATE", "/var/lib/flotilla"),
        ),
    ),
    "serve": Scene(
        "",
        (README, f"flotilla serve{STATE}", STOPPED),
        (README, f"flotilla serve{STATE} &", (" &", ""), STOPPED),
        (CONSOLE, "flotilla serve", STOPPED),
    ),
    "fleet": Scene(
        AT_WORK.format(fleet=FLEET),
        (
            README,
            "flotilla task create films s3://films s3://backup/films --events create --fleet fleet.toml",
            # The emulator's answer about a bucket's notifications has another name than S3's.
            (" --events create", ""),
        ),
        (README, "flotilla task list --fleet fleet.toml"),
        (README, "flotilla console --fleet fleet.toml", STOPPED),
        (CONSOLE, "flotilla console --fleet fleet.toml", STOPPED),
        (DEPLOYMENT, 'flotilla task create photos s3://photos s3://photos-copy --schedule "every 6h" --fleet fleet.toml'),
        (DEPLOYMENT, "flotilla task run photos --fleet fleet.toml"),
        (DEPLOYMENT, "flotilla task show photos --fleet fleet.toml"),
        (DEPLOYMENT, "flotilla task delete --all --yes --fleet fleet.toml"),
    ),
    "one task": Scene(
        f"""
        printf '%s' '{TASK_FILE}' >task.toml
        flotilla init --config task.toml
        finder --config task.toml
        """,
        (OPERATIONS, "flotilla status [RUN] --config task.toml", ("[RUN] ", "")),
        (OPERATIONS, "flotilla failures [RUN] --config task.toml", ("[RUN] ", "")),
        (OPERATIONS, "flotilla retry [RUN] --config task.toml", ("[RUN] ", "")),
    ),
    "function": Scene(
        "cp -r /given/functions/. .",
        (FUNCTIONS, "pip install --target package -r requirements.txt"),
        (FUNCTIONS, "cp flotilla_queue.py aliyun_oss.py package/"),
        (FUNCTIONS, "(cd package && zip -qr ../function.zip .)"),
    ),
    "aws": Scene(
        "mkdir -p target/release-files; echo a >target/release-files/a",
        (DEPLOYMENT, "aws s3 cp --recursive target/release-files s3://my-artifacts/flotilla/0.1.0/"),
        (
            OPERATIONS,
            "aws autoscaling put-lifecycle-hook --auto-scaling-group-name flotilla-photos --lifecycle-hook-name flotilla-drain"
            " --lifecycle-transition autoscaling:EC2_INSTANCE_TERMINATING --heartbeat-timeout 120 --default-result CONTINUE",
        ),
        (
            FUNCTIONS,
            "aws sqs get-queue-url --queue-name QUEUE",
            ("aws sqs", "aws --endpoint-url {endpoint} sqs"),
            ("QUEUE", "flotilla-photos-dead"),
        ),
        (
            FUNCTIONS,
            "aws sqs get-queue-attributes --queue-url URL --attribute-names QueueArn",
            ("aws sqs", "aws --endpoint-url {endpoint} sqs"),
            ("URL", "{endpoint}/123456789012/flotilla-photos-dead"),
        ),
        (FUNCTIONS, "aws iam create-user --user-name flotilla-events"),
        (
            FUNCTIONS,
            "aws iam put-user-policy --user-name flotilla-events --policy-name send --policy-document"
            """ '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sqs:SendMessage","Resource":"QUEUE-ARN"}]}'""",
            ("QUEUE-ARN", "arn:aws:sqs:us-east-1:123456789012:flotilla-photos-dead"),
        ),
        (FUNCTIONS, "aws iam create-access-key --user-name flotilla-events"),
        (OPERATIONS, "aws lambda invoke --function-name NAME-controller /dev/stdout", ("NAME", "photos")),
        (OPERATIONS, "aws ec2 get-console-output --latest --output text --instance-id ID", ("ID", "{instance}")),
        (
            OPERATIONS,
            "aws sqs receive-message --queue-url URL-OF-flotilla-photos-dead --message-attribute-names reason"
            " --max-number-of-messages 10 --visibility-timeout 30",
            # This CLI has an endpoint of its own for the service.
            ("aws sqs", "aws --endpoint-url {endpoint} sqs"),
            ("URL-OF-", "{endpoint}/123456789012/"),
        ),
        (
            OPERATIONS,
            "aws dynamodb update-time-to-live --table-name TABLE"
            " --time-to-live-specification Enabled=true,AttributeName=expires",
            ("TABLE", "table"),
        ),
    ),
}

# Run by another test: with other paths and names, and the same words.
APPLIED = "tests/deploy/test_moto.py::test_a_fleet_is_applied_used_and_destroyed"
ELSEWHERE = {
    (README, "terraform output -raw fleet_file > fleet.toml"): APPLIED,
    (DEPLOYMENT, "terraform init && terraform apply"): APPLIED,
    (DEPLOYMENT, "terraform output -raw fleet_file > fleet.toml"): APPLIED,
    (DEPLOYMENT, "terraform apply -var deletion_protection=false"): APPLIED,
    (DEPLOYMENT, "terraform destroy"): APPLIED,
    (
        DEPLOYMENT,
        "dpkg -i flotilla_0.1.0-1_amd64.deb",
    ): "tests/deploy/test_packages.py::test_the_debian_package_is_installed_and_removed",
}

NOT_RUN = {
    (README, "tests/run"): "it runs the tests",
    (DEPLOYMENT, "systemctl enable --now flotilla-serve"): "no service manager runs here; test_units.py checks the unit",
    (
        DEPLOYMENT,
        "helm install photos deploy/helm/flotilla --set-file fleetFile=fleet.toml --set image.repository=registry/flotilla"
        ' --set serviceAccount.annotations."eks\\.amazonaws\\.com/role-arn"=arn:aws:iam::111122223333:role/photos-worker',
    ): "no cluster is here; test_chart.py renders the chart with these settings",
    (
        DEPLOYMENT,
        "docker build -f deploy/container/release.Dockerfile --build-arg VERSION=0.1.0 --build-arg SUFFIX=x86_64"
        " -t registry/flotilla:0.1.0 target/release-files",
    ): "no docker runs here; tests/deploy/image builds the same file with buildah",
    (
        CONSOLE,
        "flotilla console --fleet fleet.toml --listen 0.0.0.0:7300 --oidc console.toml",
    ): "it needs a provider of sign-in; test_chart.py parses the options, console/src/oidc has the tests",
    (
        CONSOLE,
        'journalctl -u flotilla-serve -o cat | grep "#token=" | tail -n 1',
    ): "no service manager runs here; tests/tests/cli/console reads this line from the program itself",
    (
        CONSOLE,
        'docker logs CONTAINER 2>&1 | grep "#token=" | tail -n 1',
    ): "no container runs here; the line is the same",
    (
        OPERATIONS,
        "aws autoscaling describe-scaling-activities --auto-scaling-group-name NAME --max-items 5",
    ): "the emulator has no such call; the words are checked by the CLI's own skeleton",
    (
        OPERATIONS,
        "aws logs tail /aws/lambda/NAME-controller --since 15m",
    ): "only version 2 of the CLI has it, which the Python index does not have",
    (
        OPERATIONS,
        "FLOTILLA_GARAGE=/usr/local/bin/garage tests/run --test conformance garage -- --ignored",
    ): "it needs a program that no index of packages has",
    (
        REFERENCE,
        "flotilla sync oss://photos/2026 s3://backup/photos --source-region cn-beijing --source-credentials env:OSS",
    ): "the provider is not here",
    (
        REFERENCE,
        "flotilla sync r2://photos /backup/photos --source-endpoint-url https://ACCOUNT_ID.r2.cloudflarestorage.com",
    ): "the provider is not here",
}

NO_GOOGLE = "no project of Google Cloud is here; the shell reads the command"
NOT_RUN |= {(FUNCTIONS, command): NO_GOOGLE for command in commands_of(FUNCTIONS) if "gcloud " in command}

# Commands of `aws` that are not run: the CLI takes their words.
CHECKED_BY_SKELETON = [command for _, command in NOT_RUN if "skeleton" in NOT_RUN[_, command]]

# The CLI checks words without a service.
NOBODY = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}

# Commands of other programs within sentences, without those of `aws`.
IN_SENTENCES = {
    "cargo bench -p flotilla-benches": "it measures",
    "cargo build --release --workspace --bins": "it builds what is tested",
    "cargo install garage": "it is another project's program",
    "cargo test": "a name of what tests/run runs",
    "gcloud storage cp x gs://BUCKET/PREFIX/x": NO_GOOGLE,
    "gcloud storage rm gs://BUCKET/PREFIX/x": NO_GOOGLE,
    "journalctl -u flotilla-worker": "no service manager runs here; test_units.py checks the unit",
    "man flotilla-sync": "tests/deploy/test_packages.py::test_the_debian_package_is_installed_and_removed",
    "ossutil cp x oss://BUCKET/PREFIX/x": "the provider is not here",
    "ossutil rm oss://BUCKET/PREFIX/x": "the provider is not here",
    "ssh -L 7300:127.0.0.1:7300 HOST": "it needs another machine",
    "terraform destroy": APPLIED,
    "terraform test": "tests/deploy/test_terraform.py::test_logic_holds_over_mocked_services",
}


class Documents(unittest.TestCase):
    maxDiff = None

    def test_each_command_has_a_proof(self):
        shown = {(document, command) for document in documents() for command in commands_of(document)}
        ran = [step[:2] for scene in SCENES.values() for step in scene.steps]
        proved = [*ran, *ELSEWHERE, *NOT_RUN]
        self.assertEqual(sorted(shown - set(proved)), [], "commands without a proof")
        self.assertEqual(sorted(set(proved) - shown), [], "proofs without a command")
        self.assertEqual(len(proved), len(set(proved)), "one proof each")

    def test_the_tests_that_run_commands_exist(self):
        for test in [*ELSEWHERE.values(), *IN_SENTENCES.values()]:
            if "::" in test:
                path, name = test.split("::")
                self.assertIn(f"def {name}(", (ROOT / path).read_text())

    def test_the_shell_reads_each_command(self):
        for document in documents():
            for command in commands_of(document):
                words = ["bash", "-n", "-c", command]
                done = subprocess.run(words, capture_output=True, text=True, check=False)
                self.assertEqual(done.returncode, 0, (document, command, done.stderr))


class Sentences(unittest.TestCase):
    """Commands that stand within sentences and tables."""

    maxDiff = None

    def setUp(self):
        self.found = [(document, command) for document in documents() for command in commands_in_sentences(document)]

    def test_our_programs_have_the_commands_and_options(self):
        own = [(document, command) for document, command in self.found if command.split()[0] in OUR_PROGRAMS]
        self.assertGreater(len(own), 80)
        for document, command in own:
            with self.subTest(document=document, command=command):
                self.assertEqual(unknown_words(command), [])

    def test_a_word_that_a_program_does_not_have_is_found(self):
        self.assertEqual(unknown_words("flotilla task nonsense NAME"), ["nonsense"])
        self.assertEqual(unknown_words("flotilla task create|nonsense|…"), ["nonsense"])
        self.assertEqual(unknown_words("worker --fleet FILE --nonsense"), ["--nonsense"])
        self.assertEqual(unknown_words("flotilla task delete --all"), [])

    def test_our_scripts_have_the_options(self):
        for document, command in self.found:
            script, *words = [word for word in command.split() if word != "python3"]
            if "/" in script:
                text = (ROOT / script).read_text()
                text += "--help" if "argparse" in text else ""
                for option in (word for word in words if word.startswith("--")):
                    self.assertIn(option, text, (document, command))

    def test_commands_of_others_have_a_proof(self):
        others = {
            command
            for _, command in self.found
            if command.split()[0] not in (*OUR_PROGRAMS, "aws") and "/" not in command.removeprefix("python3 ").split()[0]
        }
        self.assertEqual(sorted(others), sorted(IN_SENTENCES))

    def test_the_cli_of_aws_takes_the_words(self):
        aws = tool("aws")
        for _, command in self.found:
            if command.startswith("aws "):
                with self.subTest(command=command):
                    run(aws, *command.split()[1:], "--generate-cli-skeleton", "input", environment=NOBODY)


def unknown_words(command):
    """The words of a command that its program does not have: commands of commands, and options."""
    program, *words = command.split()
    path, unknown = [], []
    for word in words:
        if word.startswith("--"):
            unknown += [word] if word.split("=")[0] not in options(program, *path) else []
        elif subcommands(program, *path) and not unknown:
            names = [name for name in word.split("|") if name != "…"]
            unknown += [name for name in names if not has_command(program, *path, name)]
            path += names[:1] if not unknown else []
    return unknown


def has_command(program, *path):
    """A command need not stand in the list."""
    return path[-1] in subcommands(program, *path[:-1]) or f"Usage: {' '.join((program, *path))}" in helped(program, *path)


@functools.cache
def helped(program, *path):
    """The help of a command; empty: there is none."""
    words = [PROGRAMS / program, *path, "--help"]
    return subprocess.run(words, capture_output=True, text=True, check=False, timeout=60).stdout


def subcommands(program, *path):
    """The names in the list of commands."""
    _, _, rest = helped(program, *path).partition("Commands:\n")
    return set(re.findall(r"^  ([a-z-]+)", rest.split("\n\n")[0], flags=re.M))


def options(program, *path):
    return set(re.findall(r"--[a-z][a-z-]*", helped(program, *path)))


class Commands(unittest.TestCase):
    """Each scene in a system of its own."""

    def setUp(self):
        self.emulator = Emulator()
        self.addCleanup(self.emulator.close)
        s3 = self.emulator.client("s3")
        for bucket in ("backup", "films", "my-artifacts", "photos", "photos-copy"):
            s3.create_bucket(Bucket=bucket)
        for number in range(5):
            s3.put_object(Bucket="photos", Key=f"2026/f{number}.dat", Body=b"x" * number)
        self.given = tempfile.TemporaryDirectory()
        self.addCleanup(self.given.cleanup)
        os.mkdir(f"{self.given.name}/bin")
        for name in ("flotilla", "finder", "worker"):
            os.symlink(PROGRAMS / name, f"{self.given.name}/bin/{name}")

    def play(self, name, **values):
        script = SCENES[name].script(self.emulator.endpoint)
        for key, value in values.items():
            script = script.replace(f"{{{key}}}", value)
        inside(self.given.name, script, timeout=300)

    def test_commands_that_copy(self):
        queue = self.emulator.client("sqs", "eu-central-1")
        for name in ("photos-events", "photos-events-dead"):
            queue.create_queue(QueueName=name)
        self.play("sync")

    def test_commands_of_one_machine(self):
        tool("sqlite3")
        self.play("one machine")

    def test_commands_that_serve(self):
        self.play("serve")

    def test_commands_of_a_fleet(self):
        self.play("fleet")

    def test_commands_that_pack_a_function(self):
        tool("zip")
        os.symlink(BIN / "pip", f"{self.given.name}/bin/pip")
        shutil.copytree(ROOT / "deploy/functions", f"{self.given.name}/functions")
        self.play("function")

    def test_commands_of_one_task(self):
        self.play("one task")

    def test_commands_of_the_cloud(self):
        aws = tool("aws")
        os.symlink(aws, f"{self.given.name}/bin/aws")
        self.play("aws", instance=self.group_and_queue())
        for command in CHECKED_BY_SKELETON:
            # The skeleton knows no pages.
            words = command.removesuffix(" --max-items 5").split()[1:]
            run(aws, *words, "--generate-cli-skeleton", "output", environment=self.emulator.environment)

    def group_and_queue(self):
        """What the commands name. The id of a machine."""
        client = self.emulator.client
        client("sqs").create_queue(QueueName="flotilla-photos-dead")
        client("dynamodb").create_table(
            TableName="table",
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        )
        client("ec2").create_launch_template(
            LaunchTemplateName="machines", LaunchTemplateData={"ImageId": "ami-12c6146b", "InstanceType": "t3.micro"}
        )
        client("autoscaling").create_auto_scaling_group(
            AutoScalingGroupName="flotilla-photos",
            LaunchTemplate={"LaunchTemplateName": "machines"},
            MinSize=1,
            MaxSize=1,
            AvailabilityZones=["us-east-1a"],
        )
        # Functions are answered, and not run: that takes containers.
        without = json.dumps({"lambda": {"use_docker": False}}).encode()
        urllib.request.urlopen(urllib.request.Request(f"{self.emulator.endpoint}/moto-api/config", without)).close()
        role = client("iam").create_role(RoleName="controller", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
        code = io.BytesIO()
        with zipfile.ZipFile(code, "w") as archive:
            archive.writestr("bootstrap", "")
        client("lambda").create_function(
            FunctionName="photos-controller", Role=role, Runtime="provided.al2023", Handler="x", Code={"ZipFile": code.getvalue()}
        )
        groups = client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"]
        return groups[0]["Instances"][0]["InstanceId"]


if __name__ == "__main__":
    unittest.main()
