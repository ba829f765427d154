//! The queue port's contract, as tests over any adapter.
//!
//! They run against real services too: leases are whole seconds, and what may take a while is
//! waited for, up to `PATIENCE`.

#![allow(clippy::unwrap_used, reason = "tests, though in a library")]

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use shared::ErrorKind;
use shared::queue::{Depth, MAX_BODY_BYTES, MAX_RECEIVE, Message, Outgoing, Queue};
use tokio::time::{Instant, sleep};

/// A lease that a test waits for the end of.
const SHORT: Duration = Duration::from_secs(2);
/// A lease that outlasts any test.
const LONG: Duration = Duration::from_secs(120);
/// How long something that must happen may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// A test of each promise for the queue that `setup`, an `async fn() -> (Queue, Guard)`, makes.
/// The second argument names the [exceptions](super::exceptions) of the component behind the adapter.
#[macro_export]
macro_rules! queue_suite {
    ($setup:path) => {
        $crate::queue_suite!($setup, $crate::conformance::exceptions::NONE);
    };
    ($setup:path, $exceptions:path) => {
        $crate::promises! { queue, $setup, $exceptions:
            many_messages_are_sent_at_once_and_all_are_received
            sending_nothing_is_ok
            a_receive_gives_no_more_than_was_asked_for
            a_received_message_is_hidden_while_it_is_leased
            a_message_comes_back_after_its_lease_with_a_higher_count
            a_receipt_names_one_receive_and_an_id_one_message
            extending_keeps_a_message_hidden
            extending_counts_from_now
            extending_what_another_took_is_a_lost_lease
            an_acknowledged_message_never_comes_back
            acknowledging_twice_is_ok
            acknowledging_what_another_took_is_ok
            a_released_message_comes_at_once
            a_released_message_comes_after_its_delay
            releasing_what_is_gone_is_ok
            a_delayed_message_comes_after_its_delay
            a_dead_letter_leaves_the_queue_and_is_counted
            depth_counts_ready_leased_and_delayed
            a_waiting_receive_returns_when_a_message_is_sent
            an_empty_receive_waits_as_long_as_it_may
            a_dropped_receive_loses_no_message
            bodies_survive_whatever_xml_can_carry
            bodies_of_the_largest_size_survive_in_one_send
            two_receivers_never_lease_one_message_at_once
        }
    };
}

/// `count` bodies, all different.
fn bodies(count: usize) -> BTreeSet<String> {
    (0..count).map(|n| format!("{{\"n\":{n}}}")).collect()
}

async fn send(queue: &Queue, bodies: impl IntoIterator<Item = impl Into<String>>) {
    let messages: Vec<_> = bodies.into_iter().map(|body| Outgoing::now(body.into())).collect();
    queue.send(&messages).await.unwrap();
}

/// Receives until there are `count` messages; they stay leased.
async fn receive(queue: &Queue, count: usize, lease: Duration) -> Vec<Message> {
    let deadline = Instant::now() + PATIENCE;
    let mut received = Vec::new();
    while received.len() < count {
        assert!(Instant::now() < deadline, "{} of {count} messages came", received.len());
        let max = (count - received.len()).min(MAX_RECEIVE);
        received.extend(queue.receive(max, Duration::from_secs(1), lease).await.unwrap());
    }
    received
}

async fn receive_one(queue: &Queue, lease: Duration) -> Message {
    receive(queue, 1, lease).await.remove(0)
}

/// Nothing can be received for `time`.
async fn assert_hidden(queue: &Queue, time: Duration) {
    let deadline = Instant::now() + time;
    while Instant::now() < deadline {
        let received = queue.receive(MAX_RECEIVE, Duration::ZERO, LONG).await.unwrap();
        assert_eq!(received, [], "what is hidden was received");
        sleep(Duration::from_millis(100)).await;
    }
}

async fn wait_for_depth(queue: &Queue, expected: Depth) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let depth = queue.depth().await.unwrap();
        if depth == expected {
            return;
        }
        assert!(Instant::now() < deadline, "depth is {depth:?}, not {expected:?}");
        sleep(Duration::from_millis(200)).await;
    }
}

/// More than fit a batch of any service.
pub async fn many_messages_are_sent_at_once_and_all_are_received(queue: Queue) {
    let sent = bodies(37);
    send(&queue, sent.clone()).await;
    let received = receive(&queue, sent.len(), LONG).await;
    assert_eq!(received.iter().map(|m| m.body.clone()).collect::<BTreeSet<_>>(), sent);
    assert!(received.iter().all(|m| m.receive_count == 1), "a first receive counts 1");
    for message in &received {
        assert!(message.sent.age() < Duration::from_secs(300), "sent {}", message.sent);
        queue.acknowledge(message).await.unwrap();
    }
    wait_for_depth(&queue, Depth::default()).await;
}

/// Also for a batch of none.
pub async fn sending_nothing_is_ok(queue: Queue) {
    queue.send(&[]).await.unwrap();
    assert_eq!(queue.receive(1, Duration::ZERO, LONG).await.unwrap(), []);
}

/// However many wait; and an absurdly large `max` is the largest allowed.
pub async fn a_receive_gives_no_more_than_was_asked_for(queue: Queue) {
    send(&queue, bodies(25)).await;
    for max in [1, 3, MAX_RECEIVE] {
        let received = queue.receive(max, Duration::from_secs(1), LONG).await.unwrap();
        assert!(received.len() <= max, "{} of {max}", received.len());
    }
    let received = queue.receive(1_000, Duration::from_secs(1), LONG).await.unwrap();
    assert!(received.len() <= MAX_RECEIVE);
}

/// From every receiver.
pub async fn a_received_message_is_hidden_while_it_is_leased(queue: Queue) {
    send(&queue, ["{}"]).await;
    receive_one(&queue, Duration::from_secs(4)).await;
    assert_hidden(&queue, SHORT).await;
}

/// Redeliveries differ from first receives.
pub async fn a_message_comes_back_after_its_lease_with_a_higher_count(queue: Queue) {
    send(&queue, ["{}"]).await;
    let leased = Instant::now();
    let first = receive_one(&queue, SHORT).await;
    let second = receive_one(&queue, LONG).await;
    assert!(leased.elapsed() > SHORT - Duration::from_secs(1), "came back after {:?}", leased.elapsed());
    assert_eq!((first.receive_count, second.receive_count), (1, 2));
    assert_eq!((&second.id, &second.body, second.sent), (&first.id, &first.body, first.sent));
}

/// A new receipt for each.
pub async fn a_receipt_names_one_receive_and_an_id_one_message(queue: Queue) {
    send(&queue, bodies(3)).await;
    let mut ids = HashSet::new();
    let mut receipts = HashSet::new();
    for _ in 0..2 {
        for message in receive(&queue, 3, LONG).await {
            ids.insert(message.id.clone());
            assert!(receipts.insert(message.receipt.clone()), "a receipt came twice");
            queue.release(&message, Duration::ZERO).await.unwrap();
        }
    }
    assert_eq!(ids.len(), 3);
}

/// Past the end of the first lease.
pub async fn extending_keeps_a_message_hidden(queue: Queue) {
    send(&queue, ["{}"]).await;
    let message = receive_one(&queue, SHORT).await;
    queue.extend(&message, LONG).await.unwrap();
    assert_hidden(&queue, SHORT * 2).await;
    queue.acknowledge(&message).await.unwrap();
}

/// So it can shorten a lease as well.
pub async fn extending_counts_from_now(queue: Queue) {
    send(&queue, ["{}"]).await;
    let message = receive_one(&queue, LONG).await;
    queue.extend(&message, SHORT).await.unwrap();
    assert_eq!(receive_one(&queue, LONG).await.id, message.id);
}

/// The first holder must learn of it, and the second keeps the message.
pub async fn extending_what_another_took_is_a_lost_lease(queue: Queue) {
    send(&queue, ["{}"]).await;
    let first = receive_one(&queue, SHORT).await;
    let second = receive_one(&queue, LONG).await;
    let error = queue.extend(&first, SHORT).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LeaseLost, "{error}");
    queue.extend(&second, LONG).await.unwrap();
    queue.acknowledge(&second).await.unwrap();
    let error = queue.extend(&second, LONG).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LeaseLost, "{error}");
}

/// Neither at once nor after its lease.
pub async fn an_acknowledged_message_never_comes_back(queue: Queue) {
    send(&queue, ["{}"]).await;
    let message = receive_one(&queue, SHORT).await;
    queue.acknowledge(&message).await.unwrap();
    assert_hidden(&queue, SHORT * 2).await;
    wait_for_depth(&queue, Depth::default()).await;
}

/// The answer to the first may have been lost.
pub async fn acknowledging_twice_is_ok(queue: Queue) {
    send(&queue, ["{}"]).await;
    let message = receive_one(&queue, LONG).await;
    queue.acknowledge(&message).await.unwrap();
    queue.acknowledge(&message).await.unwrap();
}

/// Whether or not it is gone then; the second holder's own acknowledgement is `Ok` in both cases.
pub async fn acknowledging_what_another_took_is_ok(queue: Queue) {
    send(&queue, ["{}"]).await;
    let first = receive_one(&queue, SHORT).await;
    let second = receive_one(&queue, LONG).await;
    queue.acknowledge(&first).await.unwrap();
    queue.acknowledge(&second).await.unwrap();
    wait_for_depth(&queue, Depth::default()).await;
}

/// With its count one higher.
pub async fn a_released_message_comes_at_once(queue: Queue) {
    send(&queue, ["{}"]).await;
    let first = receive_one(&queue, LONG).await;
    queue.release(&first, Duration::ZERO).await.unwrap();
    let second = receive_one(&queue, LONG).await;
    assert_eq!((second.id, second.receive_count), (first.id, 2));
}

/// And not before.
pub async fn a_released_message_comes_after_its_delay(queue: Queue) {
    send(&queue, ["{}"]).await;
    let message = receive_one(&queue, LONG).await;
    queue.release(&message, Duration::from_secs(3)).await.unwrap();
    assert_hidden(&queue, SHORT).await;
    receive_one(&queue, LONG).await;
}

/// Nothing is left to release.
pub async fn releasing_what_is_gone_is_ok(queue: Queue) {
    send(&queue, ["{}"]).await;
    let message = receive_one(&queue, LONG).await;
    queue.acknowledge(&message).await.unwrap();
    queue.release(&message, Duration::ZERO).await.unwrap();
    assert_hidden(&queue, SHORT).await;
}

/// While others, sent with it, come at once.
pub async fn a_delayed_message_comes_after_its_delay(queue: Queue) {
    let delayed = Outgoing { body: "late".to_owned(), delay: Duration::from_secs(3) };
    queue.send(&[delayed, Outgoing::now("early".to_owned())]).await.unwrap();
    assert_eq!(receive_one(&queue, LONG).await.body, "early");
    assert_hidden(&queue, Duration::from_secs(1)).await;
    assert_eq!(receive_one(&queue, LONG).await.body, "late");
}

/// For good, whatever the reason's characters.
pub async fn a_dead_letter_leaves_the_queue_and_is_counted(queue: Queue) {
    send(&queue, ["not a job", "another"]).await;
    for message in receive(&queue, 2, SHORT).await {
        queue.dead_letter(&message, "not a job: línea 1\n<&>").await.unwrap();
    }
    wait_for_depth(&queue, Depth { dead: 2, ..Depth::default() }).await;
    assert_hidden(&queue, SHORT * 2).await;
}

/// Once it has settled.
pub async fn depth_counts_ready_leased_and_delayed(queue: Queue) {
    send(&queue, bodies(5)).await;
    queue.send(&[Outgoing { body: "late".to_owned(), delay: LONG }]).await.unwrap();
    let leased = receive(&queue, 2, LONG).await;
    wait_for_depth(&queue, Depth { ready: 3, leased: 2, delayed: 1, dead: 0 }).await;
    queue.acknowledge(&leased[0]).await.unwrap();
    wait_for_depth(&queue, Depth { ready: 3, leased: 1, delayed: 1, dead: 0 }).await;
}

/// Long before the end of its wait.
pub async fn a_waiting_receive_returns_when_a_message_is_sent(queue: Queue) {
    let receiver = tokio::spawn({
        let queue = queue.clone();
        async move {
            let received = queue.receive(1, Duration::from_secs(20), LONG).await.unwrap();
            (received, Instant::now())
        }
    });
    sleep(Duration::from_millis(700)).await;
    let sent = Instant::now();
    send(&queue, ["{}"]).await;
    let (received, at) = receiver.await.unwrap();
    assert_eq!(received.len(), 1);
    assert!(at - sent < Duration::from_secs(5), "it took {:?}", at - sent);
}

/// Asking again and again would cost money or a processor.
pub async fn an_empty_receive_waits_as_long_as_it_may(queue: Queue) {
    let started = Instant::now();
    assert_eq!(queue.receive(1, SHORT, LONG).await.unwrap(), []);
    assert!(started.elapsed() > Duration::from_millis(1_500), "it gave up after {:?}", started.elapsed());
    assert!(started.elapsed() < SHORT + PATIENCE);
}

/// It comes after the lease at the latest.
pub async fn a_dropped_receive_loses_no_message(queue: Queue) {
    for millis in [1, 20, 300] {
        let waiting = queue.receive(1, Duration::from_secs(5), SHORT);
        assert!(tokio::time::timeout(Duration::from_millis(millis), waiting).await.is_err());
    }
    send(&queue, ["{}"]).await;
    receive_one(&queue, LONG).await;
}

/// The characters that Amazon SQS allows in a message (`SendMessage`, `MessageBody`).
pub async fn bodies_survive_whatever_xml_can_carry(queue: Queue) {
    let odd = [
        "\t\n\r tabs, ends of lines\r\n",
        "\u{85}\u{a0}\u{ad}\u{2028}\u{2029}\u{feff}\u{200b}",
        "\u{d7ff}\u{e000}\u{fffd}\u{10000}\u{1f6a2}\u{10ffff}",
        "<a b=\"c\" d='e'>&amp;&#13;]]><![CDATA[x]]>",
        "{\"key\":\"a\\u0000b\\u001f\\\\\"}",
        "%00%zz+&a=b;c",
        "e\u{301} is not \u{e9}",
        " ",
    ];
    send(&queue, odd).await;
    let received = receive(&queue, odd.len(), LONG).await;
    let received: BTreeSet<_> = received.iter().map(|m| m.body.as_str()).collect();
    assert_eq!(received, BTreeSet::from(odd));
}

/// Together they are more than a batch of any service may hold.
pub async fn bodies_of_the_largest_size_survive_in_one_send(queue: Queue) {
    let body =
        |n: usize| format!("{n}{}", "\u{fc}\"".repeat(MAX_BODY_BYTES / 3 + 1))[..MAX_BODY_BYTES - n * 3].to_owned();
    let sent: BTreeSet<String> = (0..4).map(body).collect();
    send(&queue, sent.clone()).await;
    let received = receive(&queue, sent.len(), LONG).await;
    assert!(received.into_iter().map(|m| m.body).collect::<BTreeSet<_>>() == sent, "a large body was changed");
}

/// Each is done once, by the receiver that got it.
pub async fn two_receivers_never_lease_one_message_at_once(queue: Queue) {
    let sent = bodies(60);
    let leased = Arc::new(Mutex::new(HashSet::new()));
    let done = Arc::new(Mutex::new(BTreeMap::<String, u32>::new()));
    send(&queue, sent.clone()).await;
    let receivers = (0..8).map(|_| {
        let (queue, leased, done, count) = (queue.clone(), leased.clone(), done.clone(), sent.len());
        tokio::spawn(async move {
            let deadline = Instant::now() + PATIENCE * 2;
            while done.lock().unwrap().len() < count && Instant::now() < deadline {
                for message in queue.receive(4, Duration::from_secs(1), LONG).await.unwrap() {
                    assert!(leased.lock().unwrap().insert(message.id.clone()), "leased by two");
                    sleep(Duration::from_millis(5)).await;
                    assert!(leased.lock().unwrap().remove(&message.id));
                    queue.acknowledge(&message).await.unwrap();
                    *done.lock().unwrap().entry(message.body).or_default() += 1;
                }
            }
        })
    });
    for receiver in receivers.collect::<Vec<_>>() {
        receiver.await.unwrap();
    }
    let done = done.lock().unwrap();
    assert!(done.values().all(|&times| times == 1), "{done:?}");
    assert!(done.keys().eq(sent.iter()), "{} of {} came", done.len(), sent.len());
}
