"""A queue on a real SQS interface, and a proxy before it that breaks chosen calls."""

import contextlib
import http.client
import io
import json
import os
import sys
import threading
import unittest
import urllib.parse
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from unittest import mock

import boto3

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import flotilla_queue  # noqa: E402

# Keys that spellings trip over.
ODD_KEYS = [
    "a//b",
    "/leading",
    "trailing/",
    "../up",
    " ",
    "+",
    "%2F",
    "\"quoted\" 'key' & <tag>",
    "back\\slash",
    "tab\tline\nreturn\r",
    "\x01\x1f\x7f",
    "\ufffe\uffff",
    "\u00a0\u3000",
    "e\u0301 \u00e9",
    "\U0001f980",
    "x" * 1024,
]


class Proxy:
    """Passes calls on. `plan` says what happens to the next ones, by a word each; then all go through.

    pass       goes through
    500        answers an error, without effect
    denied     answers that the signature is wrong, without effect
    reset      closes the connection, without effect
    lost       has its effect; the answer is lost
    half       only every second message is put on the queue, and the answer says so
    refuse     the first message is refused for good, the others are put on the queue
    silent     as half, but the answer does not mention the others
    """

    def __init__(self, endpoint):
        self.plan, self.calls = [], []
        address = urllib.parse.urlsplit(endpoint)

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_POST(handler):
                body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
                call = json.loads(body)
                self.calls.append(call)
                self.serve(handler, address, call, self.plan.pop(0) if self.plan else "pass")

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def close(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    def batches(self):
        return [[entry["MessageBody"] for entry in call["Entries"]] for call in self.calls]

    def serve(self, handler, address, call, word):
        entries = call.get("Entries", [])
        left_out, failed = [], []
        if word in ("half", "silent"):
            left_out = entries[1::2]
        elif word == "refuse":
            left_out = entries[:1]
        if word in ("half", "refuse"):
            code, sender = ("InternalError", False) if word == "half" else ("InvalidMessageContents", True)
            failed = [{"Id": entry["Id"], "Code": code, "SenderFault": sender, "Message": "m"} for entry in left_out]
        if word in ("500", "denied"):
            status, code = (500, "InternalFailure") if word == "500" else (403, "SignatureDoesNotMatch")
            return self.answer(handler, status, {"__type": f"com.amazon.coral.service#{code}", "message": "your key is wrong"})
        if word == "reset":
            return self.cut(handler)
        taken = [entry for entry in entries if entry not in left_out]
        status, answer = 200, {}
        if taken:
            connection = http.client.HTTPConnection(address.hostname, address.port, timeout=30)
            headers = {name: value for name, value in handler.headers.items() if name.lower() not in ("host", "content-length")}
            connection.request("POST", handler.path, json.dumps({**call, "Entries": taken}), headers)
            response = connection.getresponse()
            status, answer = response.status, json.loads(response.read())
            connection.close()
        if word == "lost":
            return self.cut(handler)
        if failed:
            answer = {**answer, "Failed": answer.get("Failed", []) + failed}
        self.answer(handler, status, answer)

    @staticmethod
    def answer(handler, status, document):
        body = json.dumps(document).encode()
        handler.send_response(status)
        handler.send_header("Content-Type", "application/x-amz-json-1.0")
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    @staticmethod
    def cut(handler):
        handler.close_connection = True
        handler.connection.close()


class QueueTest(unittest.TestCase):
    """Each test has a queue of its own, and the functions are configured to reach it through a proxy."""

    @classmethod
    def setUpClass(cls):
        cls.endpoint = os.environ.get("FLOTILLA_TEST_SQS")
        if not cls.endpoint:
            raise RuntimeError("FLOTILLA_TEST_SQS names no SQS endpoint: run `tests/run --test end_to_end functions`")
        cls.sqs = boto3.session.Session().client(
            "sqs", region_name="us-east-1", endpoint_url=cls.endpoint, aws_access_key_id="a", aws_secret_access_key="s"
        )

    def setUp(self):
        queue = self.sqs.create_queue(QueueName=f"functions-{uuid.uuid4().hex}")["QueueUrl"]
        self.queue = queue
        self.addCleanup(self.sqs.delete_queue, QueueUrl=queue)
        self.proxy = Proxy(self.endpoint)
        self.addCleanup(self.proxy.close)
        self.waits = []
        self.configure(
            ACCESS_KEY="AKIA-OF-THE-TEST",
            SECRET_KEY="secret-of-the-test",
            QUEUE_URL=queue,
            REGION_NAME="us-east-1",
            ENDPOINT_URL=self.proxy.url,
        )
        patch = mock.patch.object(flotilla_queue.time, "sleep", self.waits.append)
        patch.start()
        self.addCleanup(patch.stop)
        # A platform's log would have every event's line; a test's output need not.
        output = contextlib.redirect_stdout(io.StringIO())
        self.log = output.__enter__()
        self.addCleanup(output.__exit__, None, None, None)

    def configure(self, **environment):
        patch = mock.patch.dict(os.environ, environment)
        patch.start()
        self.addCleanup(patch.stop)

    def received(self):
        """All messages of the queue, as JSON."""
        messages = []
        while True:
            found = self.sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get("Messages", [])
            if not found:
                return messages
            for message in found:
                messages.append(json.loads(message["Body"]))
                self.sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])

    def assert_received(self, documents):
        """Exactly these, in any order."""
        spell = lambda document: json.dumps(document, sort_keys=True)  # noqa: E731
        self.assertEqual(sorted(map(spell, self.received())), sorted(map(spell, documents)))
