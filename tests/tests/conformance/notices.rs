//! Notices over the network: a topic at the emulators, and a webhook that misbehaves.

mod receiver;

use std::time::{Duration, Instant};

use adapters::notify::Notices;
use flotilla_tests::emulators::{self, ACCESS_KEY, Emulator, SECRET_KEY, unique_name};
use flotilla_tests::proxy::{Fault, Proxy, Rule};
use serde_json::Value;
use shared::config::Connection;
use shared::notify::{Channel, Notice, NoticeEvent, NoticeRun, Notifier};
use shared::object::Timestamp;
use shared::tasks::RunEnd;
use shared::{ErrorKind, Result};
use tokio::io::AsyncWriteExt as _;

use receiver::{Answer, Receiver};

/// The port's promise.
const LIMIT: Duration = Duration::from_secs(30);

fn notice() -> Notice {
    Notice {
        id: uuid::Uuid::now_v7().to_string(),
        fleet: "f".into(),
        event: NoticeEvent::RunEnded,
        task: "photos".into(),
        source: "s3://a/".into(),
        destination: "s3://b/".into(),
        run: Some(NoticeRun {
            run: "r".into(),
            end: RunEnd::Done,
            begun: Timestamp(1),
            ended: Timestamp(2),
            lost: 0,
            found: Default::default(),
            settled: Default::default(),
        }),
        since: None,
        error: None,
        link: Some("https://flotilla.example.com/runs/r".into()),
        text: String::new(),
    }
}

/// A topic with a queue that gets what is published.
struct Topic {
    arn: String,
    queue: String,
    sqs: aws_sdk_sqs::Client,
}

impl Topic {
    async fn new(emulator: &Emulator) -> Topic {
        let config = emulator.sdk_config();
        let (sns, sqs) = (aws_sdk_sns::Client::new(&config), aws_sdk_sqs::Client::new(&config));
        let arn = sns.create_topic().name(unique_name("ends")).send().await.unwrap().topic_arn.unwrap();
        let name = unique_name("subscribed");
        let queue = sqs.create_queue().queue_name(&name).send().await.unwrap().queue_url.unwrap();
        let endpoint = arn.replace(":sns:", ":sqs:").rsplit_once(':').map(|(start, _)| format!("{start}:{name}"));
        sns.subscribe().topic_arn(&arn).protocol("sqs").set_endpoint(endpoint).send().await.unwrap();
        Topic { arn, queue, sqs }
    }

    /// The notices that have arrived, once they are so many.
    async fn received(&self, count: usize) -> Vec<Notice> {
        let (began, mut notices) = (Instant::now(), Vec::new());
        while notices.len() < count && began.elapsed() < LIMIT {
            let request = self.sqs.receive_message().queue_url(&self.queue).max_number_of_messages(10);
            for message in request.wait_time_seconds(1).send().await.unwrap().messages.unwrap_or_default() {
                let envelope: Value = serde_json::from_str(message.body().unwrap()).unwrap();
                assert_eq!(envelope["Subject"], "flotilla: task photos done");
                notices.push(serde_json::from_str(envelope["Message"].as_str().unwrap()).unwrap());
                let receipt = message.receipt_handle().unwrap();
                self.sqs.delete_message().queue_url(&self.queue).receipt_handle(receipt).send().await.unwrap();
            }
        }
        notices
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notice_is_published_to_a_topic_at_least_once() {
    for emulator in [emulators::ministack(), emulators::moto()] {
        let topic = Topic::new(emulator).await;
        let proxy = Proxy::start(&emulator.endpoint).await;
        let notices = Notices::new(&emulators::connection(&proxy.endpoint, ACCESS_KEY, SECRET_KEY));
        let sent = notice();
        notices.send(Channel::Topic, &topic.arn, &sent).await.unwrap();
        assert_eq!(topic.received(1).await, [sent]);
        // Published, and its answer lost: it comes again under the same id.
        let sent = notice();
        proxy.inject(Rule::always(Fault::CloseAfter).times(1));
        notices.send(Channel::Topic, &topic.arn, &sent).await.unwrap();
        assert_eq!(topic.received(2).await, [sent.clone(), sent]);
        // Throttled once; denied; a topic that does not exist.
        let body = |code: &str| {
            format!(
                "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>no</Message></Error></ErrorResponse>"
            )
        };
        let sent = notice();
        proxy.inject(Rule::always(Fault::Respond(400, body("Throttling"))).times(1));
        notices.send(Channel::Topic, &topic.arn, &sent).await.unwrap();
        assert_eq!(topic.received(1).await, [sent]);
        proxy.inject(Rule::always(Fault::Respond(403, body("AuthorizationError"))));
        let error = notices.send(Channel::Topic, &topic.arn, &notice()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Denied);
        assert!(error.to_string().contains("allow sns:Publish"), "{error}");
        proxy.heal();
        let error = notices.send(Channel::Topic, &format!("{}-none", topic.arn), &notice()).await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NoSuchContainer), "{error:?}");
    }
}

/// Sends a notice to a webhook, and checks what holds for every answer.
async fn post(url: &str, notice: &Notice) -> Result<()> {
    let began = Instant::now();
    let sent = Notices::new(&Connection::default()).send(Channel::Webhook, url, notice).await;
    assert!(began.elapsed() < LIMIT, "{:?}", began.elapsed());
    if let Err(error) = &sent {
        let line = error.to_string();
        assert!(!line.contains("secret") && !line.contains("127.0.0.1") && !line.contains('\n'), "{line}");
    }
    sent
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_gets_a_notice_at_least_once_under_one_id() {
    use Answer::{Close, Endless, Status};
    for (answers, count) in [
        (vec![Status(200)], 1),
        (vec![Status(204)], 1),
        // Read to its status alone.
        (vec![Endless], 1),
        (vec![Status(500), Status(200)], 2),
        (vec![Status(429), Status(202)], 2),
        // Taken, and its answer lost.
        (vec![Close, Status(200)], 2),
    ] {
        let (receiver, sent) = (Receiver::start(answers.clone()).await, notice());
        post(&receiver.url("/secret"), &sent).await.unwrap();
        let got = receiver.got();
        assert_eq!(got.len(), count, "{answers:?}");
        for (head, body) in got {
            assert!(head.starts_with("POST /secret HTTP/1.1\r\n") && head.contains("application/json"), "{head}");
            assert_eq!(serde_json::from_str::<Notice>(&body).unwrap(), sent, "{answers:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_does_not_take_a_notice_is_an_error_soon() {
    use Answer::{Close, Hang, Redirect, Status};
    let rounds = [
        (Status(500), ErrorKind::Unavailable, "answered 500", 2),
        (Status(503), ErrorKind::Unavailable, "answered 503", 2),
        (Status(401), ErrorKind::Denied, "answered 401", 1),
        (Status(404), ErrorKind::NotFound, "answered 404", 1),
        (Redirect, ErrorKind::Invalid, "answered 302", 1),
        (Close, ErrorKind::Connection, "cannot be reached", 2),
        (Hang, ErrorKind::Timeout, "", 1),
    ];
    let rounds = rounds.map(|(answer, kind, text, count)| async move {
        let (receiver, sent) = (Receiver::start(vec![answer]).await, notice());
        let error = post(&receiver.url("/secret"), &sent).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{answer:?}: {error}");
        assert!(error.to_string().contains(text), "{answer:?}: {error}");
        let got = receiver.got();
        assert!(got.len() >= count && got.len() <= 2, "{answer:?}: {}", got.len());
        // A redirect is not followed.
        assert!(got.iter().all(|(head, _)| head.starts_with("POST /secret ")), "{got:?}");
    });
    futures::future::join_all(rounds).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_without_host_or_certificate_is_one_line() {
    // Answers a greeting of TLS in plain text.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let plain = format!("https://{}/secret", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    for url in [plain.as_str(), "http://127.0.0.1:1/secret"] {
        let error = post(url, &notice()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Connection, "{error}");
        assert!(error.to_string().contains("check its host, its certificate and the network"), "{error}");
    }
    // Some networks never answer for a name that does not exist.
    let error = post("http://no-such-host.invalid/secret", &notice()).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Connection | ErrorKind::Timeout), "{error}");
}
