"""Tencent Serverless Cloud Function: events of a COS bucket go to Flotilla's queue. Handler: `tencent_cos.main_handler`."""

import flotilla_queue


def main_handler(event, context):
    """`event` is `{"Records": [...]}`, or what EventBridge brings."""
    if isinstance(event.get("Records"), list):
        events = [{"Records": [record]} for record in event["Records"]]
    else:
        events = [event]
    return str(flotilla_queue.send(events))
