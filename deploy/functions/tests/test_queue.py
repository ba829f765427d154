"""The sender under failures: nothing is lost without an exception, nothing is tried forever, no secret is shown."""

import contextlib
import io
import os
import traceback
import unittest
from unittest import mock

import support
import flotilla_queue


def events(count):
    return [{"key": f"k{n}"} for n in range(count)]


class Sending(support.QueueTest):
    def test_batches_hold_no_more_than_ten_messages_and_the_bytes_that_a_queue_takes(self):
        large = [{"key": "x" * 100_000, "size": n} for n in range(5)]
        flotilla_queue.send(large)
        self.assertEqual([len(batch) for batch in self.proxy.batches()], [2, 2, 1])
        self.assert_received(large)

    def test_what_was_refused_in_a_batch_is_sent_again_and_nothing_else(self):
        self.proxy.plan = ["half", "half"]
        self.assertEqual(flotilla_queue.send(events(10)), 10)
        self.assertEqual([len(batch) for batch in self.proxy.batches()], [10, 5, 2])
        self.assert_received(events(10))

    def test_what_an_answer_does_not_mention_is_sent_again(self):
        self.proxy.plan = ["silent"]
        flotilla_queue.send(events(4))
        self.assertEqual([len(batch) for batch in self.proxy.batches()], [4, 2])
        self.assert_received(events(4))

    def test_an_error_or_a_cut_connection_is_followed_by_another_try(self):
        for word in ("500", "reset"):
            self.proxy.plan = [word, word]
            flotilla_queue.send(events(3))
            self.assert_received(events(3))

    def test_a_lost_answer_leads_to_messages_twice_and_never_to_none(self):
        self.proxy.plan = ["lost"]
        flotilla_queue.send(events(3))
        self.assert_received(events(3) * 2)

    def test_a_queue_that_keeps_failing_is_given_up_with_an_exception(self):
        self.proxy.plan = ["500"] * 100
        with self.assertRaisesRegex(flotilla_queue.Unsent, "3 of 3 events were not sent: InternalFailure"):
            flotilla_queue.send(events(3))
        self.assertEqual(len(self.proxy.calls), flotilla_queue.ATTEMPTS)
        # Each wait about twice the one before; all together no longer than a function may run.
        self.assertEqual(len(self.waits), flotilla_queue.ATTEMPTS - 1)
        self.assertLess(sum(self.waits), 4)

    def test_a_failed_batch_does_not_keep_the_next_one_from_the_queue(self):
        self.proxy.plan = ["500"] * flotilla_queue.ATTEMPTS
        with self.assertRaisesRegex(flotilla_queue.Unsent, "10 of 15 events"):
            flotilla_queue.send(events(15))
        self.assert_received(events(15)[10:])

    def test_what_no_repetition_mends_is_not_repeated(self):
        self.proxy.plan = ["denied"] * 100
        with self.assertRaisesRegex(flotilla_queue.Unsent, "2 of 2 events were not sent: SignatureDoesNotMatch$"):
            flotilla_queue.send(events(2))
        self.assertEqual(len(self.proxy.calls), 1)
        self.proxy.plan = ["refuse"]
        with self.assertRaisesRegex(flotilla_queue.Unsent, "1 of 3 events were not sent: InvalidMessageContents$"):
            flotilla_queue.send(events(3))
        self.assert_received(events(3)[1:])

    def test_a_missing_queue_is_named_at_once(self):
        self.configure(QUEUE_URL=f"{self.queue}-missing")
        with self.assertRaisesRegex(flotilla_queue.Unsent, "QueueDoesNotExist|NonExistentQueue"):
            flotilla_queue.send(events(1))
        self.assertEqual(len(self.proxy.calls), 1)

    def test_an_event_too_long_for_a_message_is_an_exception_and_the_others_are_sent(self):
        longest = {"key": "x" * (flotilla_queue.MESSAGE_BYTES - len('{"key":""}'))}
        with self.assertRaisesRegex(flotilla_queue.Unsent, "1 of 3 events were not sent: one is longer than 262144 bytes"):
            flotilla_queue.send([{"key": "a"}, longest, {"key": longest["key"] + "x"}])
        self.assert_received([{"key": "a"}, longest])

    def test_a_key_cut_inside_a_character_reaches_the_dead_letters_and_not_an_exception(self):
        flotilla_queue.send([{"key": "\ud83e"}])
        self.assertEqual(self.received(), [{"key": "\ud83e"}])

    def test_one_client_serves_all_invocations_of_an_instance(self):
        flotilla_queue._client.cache_clear()
        with mock.patch.object(flotilla_queue.boto3.session, "Session", wraps=flotilla_queue.boto3.session.Session) as made:
            for _ in range(3):
                flotilla_queue.send(events(1))
        self.assertEqual(made.call_count, 1)


class Configuration(support.QueueTest):
    def test_what_is_missing_is_named(self):
        for name in flotilla_queue.REQUIRED:
            for value in ("", "  "):
                with mock.patch.dict(os.environ, {name: value}):
                    with self.assertRaisesRegex(flotilla_queue.NotConfigured, f"^set {name} in the function's environment"):
                        flotilla_queue.send(events(1))
        with mock.patch.dict(os.environ, {"ACCESS_KEY": "", "QUEUE_URL": ""}):
            with self.assertRaisesRegex(flotilla_queue.NotConfigured, "^set ACCESS_KEY, QUEUE_URL in"):
                flotilla_queue.send(events(1))

    def test_a_session_token_signs_the_calls(self):
        self.configure(SESSION_TOKEN="token-of-the-test")
        with mock.patch.object(flotilla_queue.boto3.session.Session, "client", autospec=True) as client:
            client.return_value.send_message_batch.return_value = {"Successful": [{"Id": "0"}]}
            flotilla_queue.send(events(1))
        self.assertEqual(client.call_args.kwargs["aws_session_token"], "token-of-the-test")
        flotilla_queue._client.cache_clear()

    def test_no_key_stands_in_a_log_or_an_exception(self):
        for plan in (["denied"], ["500"] * 9, ["reset"] * 9):
            self.proxy.plan = list(plan)
            errors = io.StringIO()
            with contextlib.redirect_stderr(errors):
                try:
                    flotilla_queue.send(events(1))
                    self.fail("it was sent")
                except flotilla_queue.Unsent:
                    shown = traceback.format_exc() + errors.getvalue() + self.log.getvalue()
            self.assertNotIn("secret-of-the-test", shown)
            self.assertNotIn("AKIA-OF-THE-TEST", shown)


if __name__ == "__main__":
    unittest.main()
