"""Which rights the requests needed that an emulator recorded, by the key that signed them."""

import base64
import json
import re
import urllib.parse
import urllib.request

from test_actions import RIGHTS, SERVICES

TARGETS = {"DynamoDB_20120810": "dynamodb", "AmazonSQS": "sqs", "secretsmanager": "secretsmanager"}

# All requests with the temporary keys of a role that was assumed.
ASSUMED = "assumed"


class Recorder:
    """The recorder of moto."""

    def __init__(self, endpoint):
        self.endpoint = f"{endpoint}/moto-api/recorder"

    def ask(self, method, verb):
        request = urllib.request.Request(f"{self.endpoint}/{verb}", method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.read().decode()

    def start(self):
        self.ask("POST", "reset-recording")
        self.ask("POST", "start-recording")

    def rights(self):
        """The needed rights by key, each with a request that needs it."""
        self.ask("POST", "stop-recording")
        found = {}
        for line in self.ask("GET", "download-recording").splitlines():
            request = json.loads(line)
            headers = {name.lower(): value for name, value in dict(request["headers"]).items()}
            key = re.search(r"Credential=([^/]+)/\d+/[^/]+/(\w+)/", headers.get("authorization", ""))
            # The test itself, and terraform.
            if not key or key[1] == "test":
                continue
            service, name = call(key[2], request, headers)
            for right in RIGHTS.get((service, name), [name]):
                of = ASSUMED if key[1].startswith("ASIA") else key[1]
                found.setdefault(of, {})[f"{SERVICES[service]}:{right}"] = f"{request['method']} {request['url']}"
        return found


def call(service, request, headers):
    """Service and operation of a request."""
    if "x-amz-target" in headers:
        target, name = headers["x-amz-target"].split(".")
        return TARGETS[target], name
    url = urllib.parse.urlsplit(request["url"])
    if service == "s3":
        return service, of_s3(request["method"], url.path.strip("/"), urllib.parse.parse_qs(url.query, True))
    body = request.get("body") or ""
    if request.get("body_encoded"):
        body = base64.b64decode(body).decode()
    return service, urllib.parse.parse_qs(body)["Action"][0]


def of_s3(method, path, query):
    """The operation of a request in path style."""
    has_key = "/" in path
    if "tagging" in query:
        return {"GET": "GetObjectTagging", "PUT": "PutObjectTagging"}[method]
    if not has_key:
        for name, operation in (("uploads", "ListMultipartUploads"), ("website", "GetBucketWebsite"), ("acl", "GetBucketAcl")):
            if name in query:
                return operation
        return "GetObjectLockConfiguration" if "object-lock" in query else "ListObjectsV2"
    if "uploads" in query:
        return "CreateMultipartUpload"
    if "uploadId" in query:
        return {"PUT": "UploadPart", "POST": "CompleteMultipartUpload", "DELETE": "AbortMultipartUpload", "GET": "ListParts"}[method]
    # Without tags and access control lists: they are other rights, and other headers.
    return {"GET": "HeadObject", "HEAD": "HeadObject", "PUT": "UploadPart", "DELETE": "DeleteObject"}[method]
