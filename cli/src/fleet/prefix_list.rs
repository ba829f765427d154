//! The list of prefixes that events are filtered by: the one of now.

use std::time::Duration;

use adapters::open;
use shared::config::Config;
use tokio::time::sleep;

/// How often a list is read again. One GET of a small object.
const READ_EVERY: Duration = Duration::from_secs(5 * 60);

/// Waits until the list that a configuration names differs from the one that it was opened with, and returns it. Without a
/// list, it waits for ever. A list that cannot be read now stays as it was, and is read again.
pub async fn changed(config: &Config, opened: &Config) -> Vec<String> {
    changed_within(config, opened, READ_EVERY).await
}

async fn changed_within(config: &Config, opened: &Config, every: Duration) -> Vec<String> {
    if config.objects.find.prefix_list.is_none() {
        return std::future::pending().await;
    }
    loop {
        sleep(every).await;
        match open::prefix_list(config, None).await {
            Ok(Some(list)) if list.prefixes != opened.objects.find.prefixes => return list.prefixes,
            Ok(_) => {}
            Err(error) => {
                let task = config.name.as_str();
                tracing::warn!(task, %error, "cannot read the prefix list again: events keep to the last one");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn regression_a_list_that_changes_is_read_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("list");
        std::fs::write(&path, "b/\na/\n").unwrap();
        let text = "task = \"t\"\nstate = \"s\"\n[source]\nlocation = \"/a\"\n[destination]\nlocation = \"/b\"\n";
        let mut config = Config::parse(text).unwrap();
        config.objects.find.prefix_list = Some(path.clone());
        let opened = open::with_prefixes(&config).await.unwrap();
        assert_eq!(opened.objects.find.prefixes, ["a/", "b/"]);
        let every = Duration::from_millis(10);
        let changed = changed_within(&config, &opened, every);
        tokio::pin!(changed);
        assert!(tokio::time::timeout(10 * every, &mut changed).await.is_err(), "it is the same list");
        std::fs::remove_file(&path).unwrap();
        assert!(tokio::time::timeout(10 * every, &mut changed).await.is_err(), "the last one stays");
        std::fs::write(&path, "a/\nc/\n").unwrap();
        assert_eq!(changed.await, ["a/", "c/"]);
    }
}
