//! Notices by Amazon SNS and by webhooks.

mod topic;
mod webhook;

use async_trait::async_trait;

use shared::Result;
use shared::config::Connection;
use shared::notify::{Channel, Notice, Notifier};

/// Sends notices to topics and webhooks.
#[derive(Debug)]
pub struct Notices {
    /// Endpoint and credentials of SNS; the region is the topic's.
    connection: Connection,
}

impl Notices {
    /// With the fleet's connection to SQS, for topics.
    pub fn new(connection: &Connection) -> Notices {
        Notices { connection: connection.clone() }
    }
}

#[async_trait]
impl Notifier for Notices {
    async fn send(&self, channel: Channel, target: &str, notice: &Notice) -> Result<()> {
        match channel {
            Channel::Topic => topic::publish(&self.connection, target, notice).await,
            Channel::Webhook => webhook::post(target, notice).await,
        }
    }
}

/// The body of a notice.
fn body(notice: &Notice) -> String {
    serde_json::to_string(notice).expect("a notice is representable as JSON")
}
