//! Queues that a fleet makes for itself and for its tasks, and removes with them.
//!
//! A queue has the tags of its owner from its creation on, in the same call. A queue of the same name with other tags,
//! or without tags, belongs to somebody else: it is neither used nor removed.

use aws_sdk_sqs::Client;
use shared::config::QueueConfig;
use shared::retry;
use shared::{Error, ErrorKind, Result};

use super::create::{self, Tags};
use super::{SqsQueue, allow, call, client, url_of};
use crate::aws::NoEmptyAnswers;

/// The tag with the name of a queue's fleet.
pub const FLEET_TAG: &str = "flotilla:fleet";

/// The tag with the id of a queue's task.
pub const TASK_ID_TAG: &str = "flotilla:task";

/// Who a queue belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// The fleet's name.
    pub fleet: String,
    /// The task's id; `None`: the queue is the fleet's own.
    pub task: Option<String>,
}

impl Owner {
    fn tags(&self) -> Tags {
        let task = self.task.iter().map(|task| (TASK_ID_TAG.to_owned(), task.clone()));
        task.chain([(FLEET_TAG.to_owned(), self.fleet.clone())]).collect()
    }

    /// Refuses a queue of another owner. Deployment tools may make a fleet's own queue, without tags.
    fn check(&self, name: &str, tags: &Tags) -> Result<()> {
        if self.tags().iter().all(|(tag, value)| tags.get(tag) == Some(value)) {
            return Ok(());
        }
        let (fleet, task) = (tags.get(FLEET_TAG), tags.get(TASK_ID_TAG));
        let whose = match (fleet, task) {
            (None, None) if self.task.is_none() => return Ok(()),
            (None, None) => format!("it has no tag {TASK_ID_TAG}, so this fleet did not make it"),
            (Some(fleet), _) if *fleet != self.fleet => format!("it belongs to fleet {fleet:?}"),
            (_, Some(task)) => format!("it belongs to another task, of id {task}"),
            (_, None) => format!("it belongs to fleet {:?} itself", self.fleet),
        };
        let message = format!("{whose}: delete this queue if nobody needs it, or give the task another name");
        Err(Error::new(ErrorKind::Invalid, "open", name, message))
    }
}

impl SqsQueue {
    /// Opens a queue of this owner and its dead-letter queue. `NoSuchContainer` if one is missing, `Invalid` if one
    /// belongs to somebody else.
    pub async fn open_owned(config: &QueueConfig, owner: &Owner) -> Result<SqsQueue> {
        let client = client(config).await?;
        let dead = config.dead_letter_name();
        let of = async |name: &str| {
            let url = url_of(&client, name).await?;
            owner.check(name, &tags_of(&client, name, &url).await?)?;
            Ok::<_, Error>(url)
        };
        let (url, dead_url) = futures::try_join!(of(&config.name), of(&dead))?;
        Ok(SqsQueue { client: client.clone(), name: config.name.clone(), url, dead_name: dead, dead_url })
    }

    /// Makes a queue of this owner and its dead-letter queue where they do not exist, and opens them. Returns one line
    /// for each, too. `Invalid`, before anything is made, if one belongs to somebody else; `Conflict` if a queue of
    /// this name was deleted within the last 60 s: the caller tries again later.
    pub async fn create_owned(config: &QueueConfig, owner: &Owner) -> Result<(SqsQueue, Vec<String>)> {
        let client = client(config).await?;
        let dead = config.dead_letter_name();
        for name in [&config.name, &dead] {
            match url_of(&client, name).await {
                Ok(url) => owner.check(name, &tags_of(&client, name, &url).await?)?,
                Err(error) if error.kind() == ErrorKind::NoSuchContainer => {}
                Err(error) => return Err(error),
            }
        }
        let [dead_queue, queue] = create::create(&client, &config.name, &dead, &owner.tags()).await?;
        for (name, ensured) in [(&dead, &dead_queue), (&config.name, &queue)] {
            // A queue that somebody else made since the first look. A new one has the tags; it may take a second until
            // SQS finds it.
            if !ensured.is_new {
                owner.check(name, &tags_of(&client, name, &ensured.url).await?)?;
            }
        }
        let lines = vec![dead_queue.line, queue.line];
        let (url, dead_url) = (queue.url, dead_queue.url);
        Ok((SqsQueue { client, name: config.name.clone(), url, dead_name: dead, dead_url }, lines))
    }

    /// Removes a queue of this owner and its dead-letter queue, with their messages. One that is gone, or that belongs
    /// to somebody else, is left. Repeated after an error, it goes on.
    pub async fn delete_owned(config: &QueueConfig, owner: &Owner) -> Result<()> {
        let client = client(config).await?;
        for name in [&config.name, &config.dead_letter_name()] {
            match delete(&client, name, owner).await {
                Err(error) if error.kind() == ErrorKind::NoSuchContainer => {}
                other => other?,
            }
        }
        Ok(())
    }
}

/// Removes one queue. `NoSuchContainer` if it is gone.
async fn delete(client: &Client, name: &str, owner: &Owner) -> Result<()> {
    let url = url_of(client, name).await?;
    if let Err(error) = owner.check(name, &tags_of(client, name, &url).await?) {
        tracing::warn!("queue {name} is not removed: {}", error.message());
        return Ok(());
    }
    // Repeated, or done with its answer lost: the queue does not exist, or its deletion has begun (it takes SQS up to
    // 60 s, in which requests may still succeed). Carried out late: nobody could make a queue of this name meanwhile.
    let request = || client.delete_queue().queue_url(&url).send();
    call(&retry::DESCRIBE, name, request).await.map(drop).map_err(allow("sqs:DeleteQueue"))
}

/// The tags of a queue.
async fn tags_of(client: &Client, name: &str, url: &str) -> Result<Tags> {
    // Read-only: slow, repeated or lost, it changes nothing.
    let request = || client.list_queue_tags().queue_url(url).customize().interceptor(NoEmptyAnswers).send();
    let answer = call(&retry::DESCRIBE, name, request).await.map_err(allow("sqs:ListQueueTags"))?;
    Ok(answer.tags.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(fleet: &str, task: &str) -> Tags {
        let tags = [(FLEET_TAG, fleet), (TASK_ID_TAG, task)].into_iter().filter(|(_, value)| !value.is_empty());
        tags.map(|(tag, value)| (tag.to_owned(), value.to_owned())).collect()
    }

    #[test]
    fn a_queue_of_another_owner_is_refused_with_a_remedy() {
        let task = Owner { fleet: "f".into(), task: Some("1".into()) };
        let fleet = Owner { task: None, ..task.clone() };
        task.check("q", &task.tags()).expect("it is its own");
        fleet.check("q", &fleet.tags()).expect("it is its own");
        fleet.check("q", &Tags::new()).expect("a deployment tool made it");
        for (owner, found, part) in [
            (&task, Tags::new(), "no tag flotilla:task"),
            (&task, tags("f", "2"), "another task, of id 2"),
            (&task, tags("g", "1"), "fleet \"g\""),
            (&task, tags("f", ""), "fleet \"f\" itself"),
            (&fleet, tags("g", ""), "fleet \"g\""),
        ] {
            let error = owner.check("q", &found).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Invalid);
            assert!(error.to_string().contains(part) && error.to_string().contains("delete this queue"), "{error}");
        }
    }
}
