//! Notices on a topic of Amazon SNS.

use aws_sdk_sns::Client;

use super::body;
use crate::aws;
use shared::config::Connection;
use shared::notify::Notice;
use shared::{Error, ErrorKind, Result, retry};

/// Publishes a notice.
pub(super) async fn publish(connection: &Connection, topic: &str, notice: &Notice) -> Result<()> {
    let region = region_of(topic).ok_or_else(|| {
        let message = "not the ARN of a topic: give arn:PARTITION:sns:REGION:ACCOUNT:NAME as notify.topic";
        Error::new(ErrorKind::Invalid, retry::NOTIFY.verb, topic, message)
    })?;
    let connection = Connection { region: Some(region.to_owned()), ..connection.clone() };
    let client = Client::new(&aws::sdk_config(&connection).await?);
    // Slow, cut off or done with its answer lost: published again, under the same id. A topic of type FIFO drops the
    // second one within five minutes; subscribers of others know it by its id.
    retry::run(&retry::NOTIFY, topic, || async {
        let request = client.publish().topic_arn(topic).subject(notice.subject()).message(body(notice));
        let request = match topic.ends_with(".fifo") {
            true => request.message_group_id(&notice.task).message_deduplication_id(&notice.id),
            false => request,
        };
        request.send().await.map(drop).map_err(|error| aws::error_from(retry::NOTIFY.verb, topic, error))
    })
    .await
    .map_err(aws::allow("sns:Publish"))
}

/// The region in a topic's ARN.
fn region_of(topic: &str) -> Option<&str> {
    let mut parts = topic.split(':');
    let is_topic = parts.next() == Some("arn") && parts.next().is_some() && parts.next() == Some("sns");
    parts.next().filter(|region| is_topic && !region.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_is_published_to_in_its_own_region() {
        assert_eq!(region_of("arn:aws-cn:sns:cn-north-1:123456789012:ends"), Some("cn-north-1"));
        for other in ["", "ends", "arn:aws:sqs:us-east-1:1:ends", "arn:aws:sns", "arn:aws:sns::1:ends"] {
            assert_eq!(region_of(other), None, "{other}");
        }
    }
}
