//! Walks that end early, and go on.

use std::sync::Arc;

use adapters::store::file::FileStore;
use shared::config::Config;
use shared::location::Location;

use super::*;

fn store(folder: &std::path::Path) -> Store {
    Arc::new(FileStore::open(&Location::folder(folder).unwrap()).unwrap())
}

#[tokio::test]
async fn a_walk_in_slices_finds_what_a_whole_one_finds() {
    let root = tempfile::tempdir().unwrap();
    let sides = ["a", "b"].map(|side| root.path().join(side));
    for (n, side) in sides.iter().enumerate() {
        for key in 0..20 {
            let folder = side.join(format!("{}", key % 3));
            std::fs::create_dir_all(&folder).unwrap();
            // Some are missing, some extra, some differ.
            if key % 7 != n * 2 {
                let bytes = if key % 5 == 0 { n.to_string() } else { "same".to_owned() };
                std::fs::write(folder.join(key.to_string()), bytes).unwrap();
            }
        }
    }
    let text = format!(
        "task = 't'\nstate = '{}'\n[source]\nlocation = '{}'\n[destination]\nlocation = '{}'\n",
        root.path().join("state").display(),
        sides[0].display(),
        sides[1].display()
    );
    let config = Config::parse(&text).unwrap();
    let (stop, until) = (CancellationToken::new(), Instant::now());
    let new = |began| Verification::new(&config, (store(&sides[0]), store(&sides[1])), Effort::Needed, began).unwrap();
    let mut found: Vec<Vec<(String, Vec<DifferenceKind>)>> = Vec::new();
    let mut tallies = Vec::new();
    for is_whole in [true, false] {
        let (mut verified, mut differences, mut slices) = (Verified::default(), Vec::new(), 0);
        loop {
            slices += 1;
            let take = |key: &str, verdict: &PairVerdict| {
                let kinds = verdict.differences.iter().map(|difference| difference.kind).collect();
                differences.push((key.to_owned(), kinds));
                Ok(())
            };
            let ended = new(verified.began).walk(&mut verified, &stop, (!is_whole).then_some(until), take).await;
            // As it is saved between two slices.
            verified = serde_json::from_str(&serde_json::to_string(&verified).unwrap()).unwrap();
            match ended {
                Ok(()) => break,
                Err(WalkEnd::Stopped) => assert!(!is_whole),
                Err(other) => panic!("{other:?}"),
            }
        }
        assert_eq!(slices > 15, !is_whole, "{slices} slices");
        found.push(differences);
        tallies.push(Tally { seconds: 0.0, ..verified.tally });
    }
    assert!(tallies[0].different > 3 && tallies[0].same > 3, "{tallies:?}");
    assert_eq!(tallies[0], tallies[1]);
    assert_eq!(found[0], found[1]);
}
