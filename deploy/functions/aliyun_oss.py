"""Aliyun Function Compute: events of an OSS bucket go to Flotilla's queue. Handler: `aliyun_oss.handler`."""

import json

import flotilla_queue


def handler(event, context):
    """`event` is JSON: `{"events": [...]}` of OSS itself, or what EventBridge brings, alone or in a list."""
    document = json.loads(event)
    if isinstance(document, dict) and isinstance(document.get("events"), list):
        events = [{"events": [record]} for record in document["events"]]
    elif isinstance(document, list):
        # EventBridge puts each event of a batch into the list as text.
        events = [json.loads(item) if isinstance(item, str) else item for item in document]
    else:
        events = [document]
    return str(flotilla_queue.send(events))
