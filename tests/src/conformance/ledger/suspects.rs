//! Suspect keys.

use shared::ledger::{SharedLedger, Suspect};
use shared::object::Timestamp;

use super::{odd_keys, unique};

fn suspect(key: &str, since: i64) -> Suspect {
    Suspect { key: key.to_owned(), since: Timestamp(since) }
}

async fn by_pages(ledger: &SharedLedger, task: &str, limit: usize) -> Vec<Suspect> {
    let mut all: Vec<Suspect> = Vec::new();
    let mut from = String::new();
    // More pages than any test here fills: a listing that goes round in circles must not hang it.
    for _ in 0..100 {
        let page = ledger.suspects(task, &from, limit).await.unwrap();
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
pub async fn suspect_keys_come_in_byte_order_by_pages(ledger: SharedLedger) {
    let task = unique("task");
    let mut keys = odd_keys();
    keys.push(String::new());
    for key in &keys {
        ledger.suspect(&task, &suspect(key, 5)).await.unwrap();
    }
    keys.sort();
    let expected: Vec<Suspect> = keys.iter().map(|key| suspect(key, 5)).collect();
    assert_eq!(ledger.suspects(&task, "", 1_000).await.unwrap(), expected);
    for limit in [1, 7] {
        assert_eq!(by_pages(&ledger, &task, limit).await, expected, "pages of {limit}");
    }
    let middle = &keys[keys.len() / 2];
    assert_eq!(ledger.suspects(&task, middle, 1).await.unwrap(), [suspect(middle, 5)]);
    assert_eq!(ledger.suspects(&unique("other"), "", 10).await.unwrap(), []);
}

/// A mark that was made after the look stays.
pub async fn a_suspect_key_is_cleared_unless_it_was_marked_again(ledger: SharedLedger) {
    let task = unique("task");
    for key in ["a", "b", ""] {
        ledger.suspect(&task, &suspect(key, 1)).await.unwrap();
        ledger.suspect(&task, &suspect(key, 1)).await.unwrap();
        assert_eq!(ledger.suspects(&task, key, 1).await.unwrap(), [suspect(key, 1)]);
        ledger.suspect(&task, &suspect(key, 2)).await.unwrap();
        // It was seen before the second mark.
        ledger.clear_suspect(&task, &suspect(key, 1)).await.unwrap();
        assert_eq!(ledger.suspects(&task, key, 1).await.unwrap(), [suspect(key, 2)]);
    }
    ledger.clear_suspect(&task, &suspect("a", 2)).await.unwrap();
    ledger.clear_suspect(&task, &suspect("a", 2)).await.unwrap();
    assert_eq!(ledger.suspects(&task, "", 10).await.unwrap(), [suspect("", 2), suspect("b", 2)]);
    ledger.clear_suspect(&task, &suspect("", 2)).await.unwrap();
    assert_eq!(ledger.suspects(&task, "", 10).await.unwrap(), [suspect("b", 2)]);
}
