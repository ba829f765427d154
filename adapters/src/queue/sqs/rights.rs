//! The rights to send, receive and remove messages, tried by requests that carry out nothing.

use super::{SqsQueue, call};
use shared::{Error, ErrorKind, Result, retry};

impl SqsQueue {
    /// The rights that the service denies, each with its answer. Batches without entries, and a receipt of no message:
    /// the service refuses them as invalid where it allows them. One that refuses them before it looks at the rights
    /// shows nothing.
    pub async fn denied_rights(&self) -> Vec<(&'static str, Error)> {
        let (client, url) = (&self.client, &self.url);
        let send = || client.send_message_batch().queue_url(url).set_entries(Some(Vec::new())).send();
        let receive = || client.receive_message().queue_url(url).max_number_of_messages(0).visibility_timeout(0).send();
        let extend = || client.change_message_visibility_batch().queue_url(url).set_entries(Some(Vec::new())).send();
        let delete = || client.delete_message_batch().queue_url(url).set_entries(Some(Vec::new())).send();
        let (policy, name) = (&retry::DESCRIBE, &self.name);
        let answers = tokio::join!(
            call(policy, name, send),
            call(policy, name, receive),
            call(policy, name, extend),
            call(policy, name, delete)
        );
        let answers: [(&'static str, Result<()>); 4] = [
            ("SendMessage", answers.0.map(drop)),
            ("ReceiveMessage", answers.1.map(drop)),
            ("ChangeMessageVisibility", answers.2.map(drop)),
            ("DeleteMessage", answers.3.map(drop)),
        ];
        let denied = |answer: Result<()>| answer.err().filter(|error| error.kind() == ErrorKind::Denied);
        answers.into_iter().filter_map(|(right, answer)| Some((right, denied(answer)?))).collect()
    }
}
