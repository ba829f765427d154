"""Puts events on Flotilla's queue.

Each record becomes one message, so that one that cannot be read takes no other with it to the dead
letters. Nothing in a record is changed: the workers read every platform's format.

At least once: what was not accepted, or whose answer was lost, is sent again a bounded number of times.
If anything is left then, `send` raises, and the platform invokes the function again with the same
event. Messages that come twice do no harm: a worker looks at the stores, not at the event.
"""

import functools
import json
import os
import random
import time

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

# Longest message, bytes. SQS takes 1 MiB since 2025-08, others that speak its interface 256 KiB.
MESSAGE_BYTES = 256 * 1024
# A batch holds at most as many messages (SendMessageBatch), and as many bytes for the same reason.
BATCH_MESSAGES = 10
BATCH_BYTES = MESSAGE_BYTES
# A batch is sent so often; the waits in between add up to some 3 s, less than a function's usual timeout.
ATTEMPTS = 5
FIRST_WAIT_SECONDS = 0.2

REQUIRED = ("ACCESS_KEY", "SECRET_KEY", "QUEUE_URL", "REGION_NAME")
OPTIONAL = ("SESSION_TOKEN", "ENDPOINT_URL")

# What no repetition mends (SQS, "Common errors" and SendMessageBatch); everything else may pass.
FINAL = {
    "AccessDenied",
    "AccessDeniedException",
    "ExpiredToken",
    "IncompleteSignature",
    "InvalidAddress",
    "InvalidClientTokenId",
    "InvalidMessageContents",
    "MissingParameter",
    "OptInRequired",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
}


class NotConfigured(Exception):
    """The function's environment is incomplete."""


class Unsent(Exception):
    """Some events are not on the queue. Raised so that the platform tries again."""


def send(events):
    """Sends each event, a value of JSON, as one message. Returns how many; raises `Unsent`."""
    client, queue = _client(*_settings())
    bodies = [_body(event) for event in events]
    if not bodies:
        raise ValueError("the invocation has no event: check the trigger")
    refused = [f"one is longer than {MESSAGE_BYTES} bytes" for body in bodies if len(body) > MESSAGE_BYTES]
    for batch in _batches([body for body in bodies if len(body) <= MESSAGE_BYTES]):
        refused += _send_batch(client, queue, batch)
    if refused:
        # The causes, each once and in order: codes of SQS, never a message of its library, which may quote keys.
        why = ", ".join(dict.fromkeys(refused))
        raise Unsent(f"{len(refused)} of {len(bodies)} events were not sent: {why}")
    print(f"sent {len(bodies)} events")
    return len(bodies)


def _settings():
    values = {name: os.environ.get(name, "").strip() for name in REQUIRED + OPTIONAL}
    missing = [name for name in REQUIRED if not values[name]]
    if missing:
        raise NotConfigured(f"set {', '.join(missing)} in the function's environment variables")
    return tuple(values[name] or None for name in REQUIRED + OPTIONAL)


@functools.lru_cache(maxsize=1)
def _client(access_key, secret_key, queue, region, token, endpoint):
    """One client for all invocations of an instance, and so one connection."""
    client = boto3.session.Session().client(
        "sqs",
        region_name=region,
        endpoint_url=endpoint,
        aws_access_key_id=access_key,
        aws_secret_access_key=secret_key,
        aws_session_token=token,
        # The tries are counted here, not in the library.
        config=Config(connect_timeout=5, read_timeout=10, retries={"total_max_attempts": 1}),
    )
    return client, queue


def _body(event):
    # ASCII: SQS refuses what XML cannot hold, and JSON's escapes hold everything. One byte a character, then.
    return json.dumps(event, ensure_ascii=True, separators=(",", ":"))


def _batches(bodies):
    batch, size = [], 0
    for body in bodies:
        if batch and (len(batch) == BATCH_MESSAGES or size + len(body) > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(body)
        size += len(body)
    if batch:
        yield batch


def _send_batch(client, queue, bodies):
    """Sends a batch, and refused messages again. Returns the reason for each message that was still refused."""
    left = {str(number): body for number, body in enumerate(bodies)}
    refused = []
    for attempt in range(ATTEMPTS):
        if attempt:
            _wait(attempt)
        causes = _try_batch(client, queue, left)
        for number, (cause, final) in causes.items():
            if final:
                refused.append(cause)
                del left[number]
        left = {number: body for number, body in left.items() if number in causes}
        if not left:
            return refused
    return refused + [causes[number][0] for number in left]


def _try_batch(client, queue, left):
    """One request. Returns, for each message that it did not put on the queue, why, and whether for good."""
    entries = [{"Id": number, "MessageBody": body} for number, body in left.items()]
    try:
        answer = client.send_message_batch(QueueUrl=queue, Entries=entries)
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", "unknown"))
        # Codes come with and without the service's name before them.
        plain = code.rsplit(".", 1)[-1].rsplit("#", 1)[-1]
        final = plain in FINAL or plain.startswith(("NonExistentQueue", "QueueDoesNotExist"))
        return {number: (plain, final) for number in left}
    except BotoCoreError as error:
        # No answer: the messages may be on the queue, or not. They are sent again.
        return {number: (type(error).__name__, False) for number in left}
    taken = {entry["Id"] for entry in answer.get("Successful", [])}
    failed = {entry["Id"]: entry for entry in answer.get("Failed", [])}
    causes = {}
    for number in left.keys() - taken:
        entry = failed.get(number, {})
        code = str(entry.get("Code", "no answer"))
        causes[number] = (code, code.rsplit(".", 1)[-1] in FINAL)
    return causes


def _wait(attempt):
    # Doubling, with jitter, so that instances that failed together do not come back together.
    time.sleep(FIRST_WAIT_SECONDS * 2 ** (attempt - 1) * random.uniform(0.75, 1.25))
