"""The rights that the roles have are those that the calls of the code need, and no others."""

import os
import re
import unittest
from pathlib import Path

from support import ROOT

SERVICES = {
    "autoscaling": "autoscaling",
    "dynamodb": "dynamodb",
    "eventbridge": "events",
    "s3": "s3",
    "secretsmanager": "secretsmanager",
    "sns": "sns",
    "sqs": "sqs",
    "sts": "sts",
}

# The rights of a call, where they are not one of its own name.
RIGHTS = {
    ("dynamodb", "TransactWriteItems"): ["ConditionCheckItem", "DeleteItem", "PutItem", "UpdateItem"],
    ("s3", "AbortMultipartUpload"): ["AbortMultipartUpload"],
    ("s3", "CompleteMultipartUpload"): ["PutObject"],
    ("s3", "CopyObject"): ["GetObject", "PutObject"],
    ("s3", "CreateMultipartUpload"): ["PutObject"],
    ("s3", "DeleteObjects"): ["DeleteObject"],
    ("s3", "GetBucketNotificationConfiguration"): ["GetBucketNotification"],
    ("s3", "GetObject"): ["GetObject", "GetObjectVersion"],
    ("s3", "GetObjectLockConfiguration"): ["GetBucketObjectLockConfiguration"],
    ("s3", "GetObjectTagging"): ["GetObjectTagging", "GetObjectVersionTagging"],
    ("s3", "HeadObject"): ["GetObject", "GetObjectVersion"],
    ("s3", "ListMultipartUploads"): ["ListBucketMultipartUploads"],
    ("s3", "ListObjects"): ["ListBucket"],
    ("s3", "ListObjectsV2"): ["ListBucket"],
    ("s3", "ListParts"): ["ListMultipartUploadParts"],
    ("s3", "PutBucketNotificationConfiguration"): ["PutBucketNotification"],
    # With tags, and with access control lists.
    ("s3", "PutObject"): ["PutObject", "PutObjectAcl", "PutObjectTagging"],
    ("s3", "UploadPart"): ["PutObject"],
    ("s3", "UploadPartCopy"): ["GetObject", "PutObject"],
    ("sqs", "ChangeMessageVisibilityBatch"): ["ChangeMessageVisibility"],
    # With tags.
    ("sqs", "CreateQueue"): ["CreateQueue", "TagQueue"],
    ("sqs", "DeleteMessageBatch"): ["DeleteMessage"],
    ("sqs", "SendMessageBatch"): ["SendMessage"],
}

# Rights that only `flotilla init` and `doctor` need (Terraform makes the table), that of a queue of events that a state
# folder's tasks receive from, and one that everybody has.
ELSEWHERE = {
    "dynamodb:CreateTable",
    "dynamodb:DescribeTimeToLive",
    "dynamodb:UpdateTimeToLive",
    "sqs:UntagQueue",
    "sts:GetCallerIdentity",
}

# Rights that no call of our own code needs: of whom they are.
OF_OTHERS = {
    # S3, DynamoDB, SQS and SNS call KMS in the name of who asks them: no program of ours does, and no recorded request
    # shows it. Which role has them, for which keys: `services_use_keys_in_the_name_of_roles` in terraform/tests.
    "kms:Decrypt",
    "kms:GenerateDataKey",
    # The function's log: Lambda writes it.
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    # By the SDK, for a task that names a role: tests/deploy/test_moto.py. And in the roles' own trust.
    "sts:AssumeRole",
    "sts:AssumeRoleWithWebIdentity",
}


def operations(service):
    """The operations of a service, by the name of their method, from the SDK that the workspace uses."""
    lock = (ROOT / "Cargo.lock").read_text()
    version = re.search(rf'name = "aws-sdk-{service}"\nversion = "([^"]+)"', lock)
    if not version:
        return {}
    registry = Path(os.environ.get("CARGO_HOME", Path.home() / ".cargo")) / "registry/src"
    found = list(registry.glob(f"*/aws-sdk-{service}-{version[1]}/src/operation"))
    names = [path.stem for path in found[0].glob("*.rs")] if found else []
    return {name: "".join(word.capitalize() for word in name.split("_")) for name in names}


def called():
    """Each operation that the adapters call, with its service."""
    text = {path: path.read_text() for path in (ROOT / "adapters/src").rglob("*.rs") if "tests" not in path.stem}
    calls = set()
    for service in SERVICES:
        for method, name in operations(service).items():
            for code in text.values():
                code = code.split("#[cfg(test)]")[0]
                if re.search(rf"aws_sdk_{service}|super::|crate::", code) and re.search(rf"\.{method}\(\)", code):
                    calls.add((service, name))
    return calls


def needed():
    rights = set()
    for service, name in called():
        for right in RIGHTS.get((service, name), [name]):
            rights.add(f"{SERVICES[service]}:{right}")
    return rights


def granted():
    text = "".join(path.read_text() for path in (ROOT / "terraform/modules/iam").glob("*.tf"))
    return set(re.findall(r'"([a-z0-9]+:[A-Za-z*]+)"', text)) - {"aws:policy"}


class Actions(unittest.TestCase):
    maxDiff = None

    def test_rights_are_those_of_the_calls(self):
        self.assertGreater(len(called()), 40)
        crates = (ROOT / "adapters/Cargo.toml").read_text()
        # Services that the code uses.
        used = {prefix for service, prefix in SERVICES.items() if f"aws-sdk-{service}" in crates}
        rights = {right for right in granted() - OF_OTHERS if right.split(":")[0] in used}
        self.assertEqual(rights, needed() - ELSEWHERE)

    def test_rights_of_others_are_not_ours(self):
        self.assertLessEqual(OF_OTHERS, granted())
        for service in ("kms", "cloudwatchlogs"):
            self.assertNotIn(f'name = "aws-sdk-{service}"', (ROOT / "Cargo.lock").read_text())

    def test_no_right_is_a_wildcard(self):
        self.assertEqual([right for right in granted() if "*" in right], [])


if __name__ == "__main__":
    unittest.main()
