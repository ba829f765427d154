//! The list of prefixes that events are filtered by: the one of now.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use adapters::open;
use shared::config::Config;
use shared::sync::lock;
use tokio::time::{Instant, sleep_until};

/// How often a list is read again. One GET of a small object.
const READ_EVERY: Duration = Duration::from_secs(5 * 60);

/// Reads the list that a configuration names again, from time to time. Copies keep the same times.
#[derive(Debug, Clone)]
pub struct ListReader {
    every: Duration,
    next: Arc<Mutex<Instant>>,
}

impl Default for ListReader {
    fn default() -> Self {
        ListReader::every(READ_EVERY)
    }
}

impl ListReader {
    fn every(every: Duration) -> ListReader {
        ListReader { every, next: Arc::new(Mutex::new(Instant::now() + every)) }
    }

    /// Waits until the list that a configuration names differs from the one that it was opened with, and returns it.
    /// Without a list, it waits for ever. A list that cannot be read now stays as it was, and is read again.
    ///
    /// It may be dropped and called again at any moment, however often: the next reading is at its time.
    pub async fn changed(&self, config: &Config, opened: &Config) -> Vec<String> {
        if config.objects.find.prefix_list.is_none() {
            return std::future::pending().await;
        }
        loop {
            let next = *lock(&self.next);
            sleep_until(next).await;
            *lock(&self.next) = Instant::now() + self.every;
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
        let reader = ListReader::every(every);
        let changed = reader.changed(&config, &opened);
        tokio::pin!(changed);
        assert!(tokio::time::timeout(10 * every, &mut changed).await.is_err(), "it is the same list");
        std::fs::remove_file(&path).unwrap();
        assert!(tokio::time::timeout(10 * every, &mut changed).await.is_err(), "the last one stays");
        std::fs::write(&path, "a/\nc/\n").unwrap();
        assert_eq!(changed.await, ["a/", "c/"]);
    }
    #[tokio::test]
    async fn regression_a_reader_that_is_often_dropped_reads_all_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("list");
        std::fs::write(&path, "a/\n").unwrap();
        let text = "task = \"t\"\nstate = \"s\"\n[source]\nlocation = \"/a\"\n[destination]\nlocation = \"/b\"\n";
        let mut config = Config::parse(text).unwrap();
        config.objects.find.prefix_list = Some(path.clone());
        let opened = open::with_prefixes(&config).await.unwrap();
        std::fs::write(&path, "b/\n").unwrap();
        let reader = ListReader::every(Duration::from_millis(300));
        for _ in 0..200 {
            let changed = reader.changed(&config, &opened);
            if let Ok(list) = tokio::time::timeout(Duration::from_millis(50), changed).await {
                assert_eq!(list, ["b/"]);
                return;
            }
        }
        panic!("it was not read");
    }
}
