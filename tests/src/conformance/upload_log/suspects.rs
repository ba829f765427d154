//! Suspect keys.

use shared::object::Timestamp;
use shared::objects::{SharedUploadLog, Suspect};

use crate::conformance::ledger::{odd_keys, unique};

fn suspect(key: &str, since: i64) -> Suspect {
    Suspect { key: key.to_owned(), since: Timestamp(since) }
}

async fn by_pages(log: &SharedUploadLog, task: &str, limit: usize) -> Vec<Suspect> {
    let mut all: Vec<Suspect> = Vec::new();
    let mut from = String::new();
    // More pages than any test here fills: a listing that goes round in circles must not hang it.
    for _ in 0..100 {
        let page = log.suspects(task, &from, limit).await.unwrap();
        assert!(page.len() <= limit);
        from = page.last().map(|last| format!("{}\0", last.key)).unwrap_or_default();
        let is_last = page.len() < limit;
        all.extend(page);
        if is_last {
            return all;
        }
    }
    panic!("suspect keys never end");
}

/// By the bytes of the key, also by pages, from any key on.
pub async fn suspect_keys_come_in_byte_order_by_pages(log: SharedUploadLog) {
    let task = unique("task");
    let mut keys = odd_keys();
    keys.push(String::new());
    for key in &keys {
        log.suspect(&task, &suspect(key, 5)).await.unwrap();
    }
    keys.sort();
    let expected: Vec<Suspect> = keys.iter().map(|key| suspect(key, 5)).collect();
    assert_eq!(log.suspects(&task, "", 1_000).await.unwrap(), expected);
    for limit in [1, 7] {
        assert_eq!(by_pages(&log, &task, limit).await, expected, "pages of {limit}");
    }
    let middle = &keys[keys.len() / 2];
    assert_eq!(log.suspects(&task, middle, 1).await.unwrap(), [suspect(middle, 5)]);
    assert_eq!(log.suspects(&unique("other"), "", 10).await.unwrap(), []);
}

/// A mark that was made after the look stays.
pub async fn a_suspect_key_is_cleared_unless_it_was_marked_again(log: SharedUploadLog) {
    let task = unique("task");
    for key in ["a", "b", ""] {
        log.suspect(&task, &suspect(key, 1)).await.unwrap();
        log.suspect(&task, &suspect(key, 1)).await.unwrap();
        assert_eq!(log.suspects(&task, key, 1).await.unwrap(), [suspect(key, 1)]);
        log.suspect(&task, &suspect(key, 2)).await.unwrap();
        // It was seen before the second mark.
        log.clear_suspect(&task, &suspect(key, 1)).await.unwrap();
        assert_eq!(log.suspects(&task, key, 1).await.unwrap(), [suspect(key, 2)]);
    }
    log.clear_suspect(&task, &suspect("a", 2)).await.unwrap();
    log.clear_suspect(&task, &suspect("a", 2)).await.unwrap();
    assert_eq!(log.suspects(&task, "", 10).await.unwrap(), [suspect("", 2), suspect("b", 2)]);
    log.clear_suspect(&task, &suspect("", 2)).await.unwrap();
    assert_eq!(log.suspects(&task, "", 10).await.unwrap(), [suspect("b", 2)]);
}
