//! Faults of requests.

use flotilla_tests::proxy::Fault;

/// All that the queue's adapter asks for, but for making queues.
pub const QUEUE_ACTIONS: [&str; 9] = [
    "AmazonSQS.GetQueueUrl",
    "AmazonSQS.GetQueueAttributes",
    "AmazonSQS.SendMessageBatch",
    "AmazonSQS.SendMessage",
    "AmazonSQS.ReceiveMessage",
    "AmazonSQS.ChangeMessageVisibility",
    "AmazonSQS.DeleteMessage",
    "AmazonSQS.ListQueueTags",
    "AmazonSQS.TagQueue",
];

/// All that the ledger's adapter asks for, but for making the table.
pub const LEDGER_ACTIONS: [&str; 9] = [
    "DescribeTable",
    "GetItem",
    "PutItem",
    "UpdateItem",
    "DeleteItem",
    "Query",
    "BatchGetItem",
    "BatchWriteItem",
    "TransactWriteItems",
];

/// A service's words for the same things.
#[derive(Clone, Copy)]
pub struct Words {
    throttled: &'static str,
    failed: &'static str,
}

/// Amazon SQS.
pub const SQS: Words = Words { throttled: "com.amazonaws.sqs#RequestThrottled", failed: "InternalFailure" };

/// Amazon DynamoDB.
pub const DYNAMODB: Words = Words {
    throttled: "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException",
    failed: "InternalServerError",
};

/// An error as the services' JSON interfaces report it.
pub fn answered(status: u16, code: &str) -> Fault {
    Fault::Respond(status, format!(r#"{{"__type":"{code}","message":"by a fault"}}"#))
}

/// All that goes by when the request is sent again.
pub fn passing(words: Words) -> Vec<(&'static str, Fault)> {
    vec![
        ("throttled", answered(400, words.throttled)),
        ("503 without a word", Fault::Respond(503, String::new())),
        ("500", answered(500, words.failed)),
        ("403 once", answered(403, "AccessDeniedException")),
        ("an expired token", answered(400, "ExpiredTokenException")),
        ("closed before the effect", Fault::CloseBefore),
        ("closed after the effect", Fault::CloseAfter),
        ("an answer cut short", Fault::CutResponse(7)),
        ("an answer that is no JSON", Fault::Respond(200, "<html>come in</html>".into())),
        ("an effect with an answer that is no JSON", Fault::RespondAfter(200, r#"{"a":"#.into())),
        ("an empty answer", Fault::Respond(200, String::new())),
    ]
}
