//! Which task a queue belongs to: the tag that `flotilla init` gives it.
//!
//! Two tasks on one queue move each other's jobs to the dead letters, and their runs are never done. The check is no
//! lock: it accepts a queue without the tag, and one whose tags cannot be read.

use aws_sdk_sqs::Client;

use super::{SqsQueue, call, client, url_of};
use crate::aws::NoEmptyAnswers;
use shared::config::QueueConfig;
use shared::retry;
use shared::{Error, ErrorKind, Result};

/// The tag of a queue that names its task.
pub const TASK_TAG: &str = "flotilla-task";

impl SqsQueue {
    /// Refuses a queue that belongs to another task, or whose dead-letter queue does. Slow or throttled: as long as any
    /// other call of the start.
    pub async fn check_task(&self, task: &str) -> Result<()> {
        for (name, url) in self.queues() {
            let owner = task_of(&self.client, name, url).await;
            let is_unknown = owner.is_err();
            accept(name, task, owner)?;
            if is_unknown {
                // Logged once: the same happens to the other queue.
                break;
            }
        }
        Ok(())
    }

    /// As [`check_task`](Self::check_task), of queues that may not exist yet.
    pub async fn check_task_if_exists(config: &QueueConfig, task: &str) -> Result<()> {
        let client = client(config).await?;
        for name in [&config.name, &config.dead_letter_name()] {
            match url_of(&client, name).await {
                Ok(url) => accept(name, task, task_of(&client, name, &url).await)?,
                Err(error) if error.kind() == ErrorKind::NoSuchContainer => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Tags the queue and its dead-letter queue with their task where they have no tag yet. Returns one line for each
    /// one that cannot be tagged: it can be used without.
    pub async fn adopt(&self, task: &str) -> Result<Vec<String>> {
        let mut lines = Vec::new();
        for (name, url) in self.queues() {
            match task_of(&self.client, name, url).await {
                Ok(None) => lines.extend(tag(&self.client, name, url, task).await),
                // Not read, not written: the queue may belong to another task.
                read => accept(name, task, read)?,
            }
        }
        Ok(lines)
    }

    /// Names and URLs of the queue and of its dead-letter queue.
    fn queues(&self) -> [(&str, &str); 2] {
        [(&self.name, &self.url), (&self.dead_name, &self.dead_url)]
    }
}

/// Tags a queue with its task. Returns one line if that fails.
async fn tag(client: &Client, name: &str, url: &str, task: &str) -> Option<String> {
    // Repeated, or done with its answer lost: the same tag is written again. Two tasks that adopt a queue at the same
    // moment: the later tag stays, and finder and workers of the other task are refused.
    let request = || client.tag_queue().queue_url(url).tags(TASK_TAG, task).send();
    let error = call(&retry::DESCRIBE, name, request).await.err()?;
    let remedy = if error.kind() == ErrorKind::Denied { ": allow sqs:TagQueue" } else { "" };
    Some(format!("could not tag queue {name} with its task ({}){remedy}", error.message()))
}

/// The task named by a queue's tag.
async fn task_of(client: &Client, name: &str, url: &str) -> Result<Option<String>> {
    // Read-only: slow, repeated or lost, it changes nothing.
    let request = || client.list_queue_tags().queue_url(url).customize().interceptor(NoEmptyAnswers).send();
    let tags = call(&retry::DESCRIBE, name, request).await?.tags.unwrap_or_default();
    Ok(tags.get(TASK_TAG).filter(|task| !task.is_empty()).cloned())
}

/// Accepts a queue of the task, of no task, or of an unknown one: rights that older deployments lack stop nothing.
fn accept(name: &str, task: &str, owner: Result<Option<String>>) -> Result<()> {
    match owner {
        Ok(Some(owner)) if owner != task => {
            let message = format!(
                "this queue belongs to task {owner:?}, not to task {task:?}: give task {task:?} a queue of its own; \
                 if task {owner:?} no longer exists, remove the tag {TASK_TAG} from the queue"
            );
            return Err(Error::new(ErrorKind::Invalid, "open", name, message));
        }
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::Unsupported => {
            tracing::debug!(queue = name, %error, "the queue has no tags: cannot check which task it belongs to");
        }
        Err(error) if error.kind() == ErrorKind::Denied => {
            tracing::warn!("cannot check which task queue {name} belongs to: allow sqs:ListQueueTags");
        }
        Err(error) => tracing::warn!(%error, "cannot check which task queue {name} belongs to"),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_of_another_task_is_refused_with_both_names() {
        let error = accept("jobs", "new", Ok(Some("old".into()))).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        let line = error.to_string();
        assert!(line.starts_with("open jobs: ") && line.contains("\"old\"") && line.contains("\"new\""), "{line}");
        assert!(line.contains("a queue of its own") && line.contains(TASK_TAG), "{line}");
    }

    #[test]
    fn a_queue_of_no_task_or_an_unknown_one_is_accepted() {
        let failed = |kind| Err(Error::new(kind, "describe", "jobs", "no"));
        let unread = [ErrorKind::Denied, ErrorKind::Unsupported, ErrorKind::Timeout, ErrorKind::Invalid].map(failed);
        for owner in [Ok(None), Ok(Some("new".to_owned()))].into_iter().chain(unread) {
            accept("jobs", "new", owner).expect("nothing is known against it");
        }
    }
}
