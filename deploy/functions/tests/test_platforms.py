"""What each platform hands to its function is on the queue, record by record and unchanged."""

import json
import unittest
from pathlib import Path

import functions_framework

import support
import aliyun_oss
import tencent_cos


def oss_record(name, key, size=1):
    return {
        "eventName": name,
        "eventSource": "acs:oss",
        "eventTime": "2022-08-13T06:45:43.000Z",
        "oss": {"bucket": {"name": "b"}, "object": {"key": key, "size": size, "eTag": "E"}, "ossSchemaVersion": "1.0"},
        "region": "cn-hangzhou",
    }


def cos_record(name, key, size=1):
    return {
        "cos": {
            "cosObject": {"key": f"/1253970026/b/{key}", "size": size, "meta": {"Content-Type": ""}, "vid": ""},
            "cosBucket": {"name": "b", "appid": "1253970026", "region": "cd"},
        },
        "event": {"eventName": name, "eventTime": 1545205770, "eventSource": "qcs::cos"},
    }


class Aliyun(support.QueueTest):
    def test_creations_and_removals_are_forwarded_record_by_record(self):
        records = [oss_record("ObjectCreated:PutObject", "a"), oss_record("ObjectRemoved:DeleteObject", "b")]
        aliyun_oss.handler(json.dumps({"events": records}).encode(), None)
        self.assert_received([{"events": [record]} for record in records])

    def test_all_records_of_an_invocation_are_forwarded_also_more_than_a_batch_holds(self):
        records = [oss_record("ObjectCreated:PutObject", f"key {n}") for n in range(25)]
        aliyun_oss.handler(json.dumps({"events": records}), None)
        self.assert_received([{"events": [record]} for record in records])
        self.assertEqual([len(batch) for batch in self.proxy.batches()], [10, 10, 5])

    def test_odd_keys_arrive_exactly(self):
        records = [oss_record("ObjectCreated:PutObject", key) for key in support.ODD_KEYS]
        aliyun_oss.handler(json.dumps({"events": records}, ensure_ascii=False).encode(), None)
        self.assert_received([{"events": [record]} for record in records])
        self.assertTrue(all(body.isascii() and body.isprintable() for batch in self.proxy.batches() for body in batch))

    def test_events_of_eventbridge_are_forwarded_alone_and_in_lists(self):
        event = {"specversion": "1.0", "type": "oss:ObjectCreated:PutObject", "source": "acs.oss", "data": oss_record("x", "a")}
        aliyun_oss.handler(json.dumps(event), None)
        aliyun_oss.handler(json.dumps([json.dumps(event), event]), None)
        self.assert_received([event] * 3)

    def test_an_invocation_without_events_is_an_error(self):
        with self.assertRaisesRegex(ValueError, "no event"):
            aliyun_oss.handler(b'{"events":[]}', None)


class Tencent(support.QueueTest):
    def test_creations_and_removals_are_forwarded_record_by_record(self):
        records = [cos_record("cos:ObjectCreated:Put", "a"), cos_record("cos:ObjectRemove:Delete", "b")]
        tencent_cos.main_handler({"Records": records}, None)
        self.assert_received([{"Records": [record]} for record in records])

    def test_odd_keys_arrive_exactly(self):
        records = [cos_record("cos:ObjectCreated:Put", key) for key in support.ODD_KEYS]
        tencent_cos.main_handler({"Records": records}, None)
        self.assert_received([{"Records": [record]} for record in records])

    def test_an_event_of_eventbridge_is_forwarded(self):
        event = {"specversion": "0", "type": "cos:created:object", "source": "cos.cloud.tencent", "data": {"a": 1}}
        tencent_cos.main_handler(event, None)
        self.assert_received([event])


class Google(support.QueueTest):
    """Through Google's own framework, as its runtime serves the function."""

    def setUp(self):
        super().setUp()
        source = Path(support.__file__).resolve().parent.parent / "google_gcs.py"
        self.client = functions_framework.create_app("forward", str(source), "cloudevent").test_client()

    def attributes(self, name, key):
        return {
            "specversion": "1.0",
            "id": "1096434104173400",
            "source": "//storage.googleapis.com/projects/_/buckets/b",
            "type": f"google.cloud.storage.object.v1.{name}",
            "subject": "objects/key",
            "time": "2020-09-29T11:32:00.000Z",
            "datacontenttype": "application/json",
        }, {"kind": "storage#object", "bucket": "b", "name": key, "size": "1", "generation": "7"}

    def test_creations_and_removals_are_forwarded_as_cloudevents(self):
        expected = []
        for name in ("finalized", "deleted", "archived", "metadataUpdated"):
            attributes, data = self.attributes(name, "a")
            # As Eventarc sends them: the attributes in headers, the object alone as the body.
            headers = {f"ce-{name}": value for name, value in attributes.items()}
            answer = self.client.post("/", json=data, headers=headers)
            self.assertEqual(answer.status_code, 200, answer.data)
            expected.append({**attributes, "data": data})
        self.assert_received(expected)

    def test_odd_keys_arrive_exactly(self):
        for key in support.ODD_KEYS:
            attributes, data = self.attributes("finalized", key)
            content = {"content-type": "application/cloudevents+json"}
            answer = self.client.post("/", data=json.dumps({**attributes, "data": data}), headers=content)
            self.assertEqual(answer.status_code, 200, answer.data)
        self.assertEqual(sorted(event["data"]["name"] for event in self.received()), sorted(support.ODD_KEYS))

    def test_a_failure_is_an_error_of_the_request_so_that_it_is_sent_again(self):
        self.proxy.plan = ["denied"]
        attributes, data = self.attributes("finalized", "a")
        self.client.application.testing = False
        headers = {f"ce-{n}": value for n, value in attributes.items()}
        with self.assertLogs(level="ERROR") as log:
            self.assertEqual(self.client.post("/", json=data, headers=headers).status_code, 500)
        self.assertIn("1 of 1 events were not sent: SignatureDoesNotMatch", log.output[0])


if __name__ == "__main__":
    unittest.main()
