use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

fn all() -> Vec<String> {
    vec![String::new()]
}

#[test]
fn a_new_run_has_one_range_a_prefix() {
    let (_, starts) = Tiling::resume(&["a/".into(), "b/".into()], vec![]);
    let ranges: Vec<_> = starts.iter().map(|s| (s.checkpoint.id, s.remaining().prefix)).collect();
    assert_eq!(ranges, [(0, "a/".into()), (1, "b/".into())]);
}

#[test]
fn a_range_is_cut_after_its_second_page_and_not_without_end() {
    let (mut tiling, starts) = Tiling::resume(&all(), vec![]);
    tiling.open(&starts[0]);
    for page in ["k3", "k5"] {
        assert_eq!(tiling.cut(), None);
        tiling.advance(0, page);
        tiling.met(0, "k1", 1_000_000, None);
    }
    for _ in 0..CUTS_PER_PAGE {
        assert!(tiling.cut().is_some());
    }
    assert_eq!(tiling.cut(), None);
}

#[test]
fn the_number_of_ranges_is_bounded() {
    let (mut tiling, starts) = Tiling::resume(&all(), vec![]);
    tiling.open(&starts[0]);
    let mut cuts = 0;
    for page in 0..10_000 {
        let key = format!("{page:09}");
        tiling.advance(0, &key);
        tiling.met(0, &key, 1_000_000, None);
        cuts += usize::from(tiling.cut().is_some());
    }
    assert!(cuts < MAX_RANGES);
}

#[test]
fn a_resumed_run_fills_the_gaps_between_recorded_ranges() {
    let at = |id, after: &str, cursor: Option<&str>, done| Checkpoint {
        id,
        range: KeyRange { after: Some(after.to_owned()).filter(|a| !a.is_empty()), ..KeyRange::default() },
        cursor: cursor.map(str::to_owned),
        done,
        ..Checkpoint::default()
    };
    // Range 0 never got its first checkpoint; 1 is done; 2 is under way; 3 has not begun.
    let recorded = vec![at(1, "g", Some("l"), true), at(2, "m", Some("p"), false), at(3, "t", None, false)];
    let (tiling, starts) = Tiling::resume(&all(), recorded);
    let left: Vec<_> = starts
        .iter()
        .map(|s| (s.checkpoint.id, s.remaining().after.unwrap_or_default(), s.end.clone().unwrap_or_default()))
        .collect();
    let expected = [(0, "", "g"), (2, "p", "t"), (3, "t", "")];
    assert_eq!(left, expected.map(|(id, after, end)| (id, after.to_owned(), end.to_owned())));
    assert_eq!(tiling.next_id, 4);
}

proptest! {
    /// Ranges that list some keys at a time, cuts at any moment, and a crash with a resume from what was
    /// recorded: each key is taken exactly once.
    #[test]
    fn any_schedule_of_cuts_lists_each_key_exactly_once(
        keys in prop::collection::btree_set("[abz09/é]{0,5}", 0..150),
        schedule in prop::collection::vec((any::<usize>(), 1usize..6, 0u8..4), 0..200),
        crash in any::<prop::sample::Index>(),
    ) {
        let mut taken: Vec<String> = Vec::new();
        let mut recorded: Vec<Checkpoint> = Vec::new();
        let crash = crash.index(schedule.len() + 1);
        let (mut tiling, starts) = Tiling::resume(&all(), vec![]);
        let mut open = starts;
        open.iter().for_each(|start| tiling.open(start));
        let rest = std::iter::repeat_n((0, 3, 1), 1_000);
        for (step, (which, page, cuts)) in schedule.into_iter().chain(rest).enumerate() {
            if step == crash {
                let (resumed, starts) = Tiling::resume(&all(), recorded.clone());
                (tiling, open) = (resumed, starts);
                open.iter().for_each(|start| tiling.open(start));
            }
            if open.is_empty() {
                continue;
            }
            let at = which % open.len();
            let start = &mut open[at];
            let remaining = KeyRange { until: None, ..start.remaining() };
            let listed: Vec<&String> = keys.iter().filter(|key| remaining.contains(key)).take(page).collect();
            let frontier = listed.last().map(|key| key.as_str());
            let end = frontier.and_then(|frontier| tiling.advance(start.checkpoint.id, frontier));
            let mine: Vec<String> = listed.iter().filter(|k| end.as_ref().is_none_or(|end| **k <= end)).map(|k| (*k).clone()).collect();
            if let Some(first) = mine.first() {
                tiling.met(start.checkpoint.id, first, 10_000, None);
            }
            let ended = mine.len() < page;
            start.checkpoint.cursor = mine.last().cloned().or(start.checkpoint.cursor.take());
            start.checkpoint.done = ended;
            let id = start.checkpoint.id;
            let checkpoint = start.checkpoint.clone();
            taken.extend(mine);
            recorded.retain(|c| c.id != id);
            recorded.push(checkpoint);
            if ended {
                tiling.close(id);
                open.remove(at);
            }
            for _ in 0..cuts {
                if let Some(start) = tiling.cut() {
                    recorded.push(start.checkpoint.clone());
                    tiling.open(&start);
                    open.push(start);
                }
            }
        }
        prop_assert!(open.is_empty());
        let once: BTreeSet<String> = taken.iter().cloned().collect();
        prop_assert_eq!(once.len(), taken.len());
        prop_assert_eq!(once, keys);
    }
}
