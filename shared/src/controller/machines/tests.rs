use super::*;
use proptest::prelude::*;

fn machine(id: &str, counter: Option<u64>) -> MachineView {
    MachineView { id: id.into(), is_in_service: true, counter }
}

/// Passes one after the other, over what a function sees in each; the decisions of each.
fn passes(count: u64, see: impl Fn(u64) -> Option<Vec<MachineView>>, is_ready: bool) -> Vec<Decisions> {
    let mut memory = GroupMemory::default();
    let pass = |minute| {
        let (decisions, next) = decide(see(minute).as_deref(), &memory, minute, is_ready);
        memory = next;
        decisions
    };
    (1..=count).map(pass).collect()
}

/// The first pass, from 1, in which a machine is ended.
fn first_end(all: &[Decisions]) -> Option<usize> {
    all.iter().position(|decisions| !decisions.ended.is_empty()).map(|index| index + 1)
}

#[test]
fn a_machine_without_a_heartbeat_ends_after_five_minutes() {
    let all = passes(10, |_| Some(vec![machine("a", None)]), true);
    assert_eq!(first_end(&all), Some(1 + LAUNCH_PASSES as usize));
    assert!(!all[5].is_smaller, "something is ready: the group replaces it");
    assert!(passes(10, |_| Some(vec![machine("a", None)]), false)[5].is_smaller);
}

#[test]
fn a_machine_whose_heartbeat_stops_ends_after_ten_minutes() {
    let stopped = |minute: u64| Some(vec![machine("a", Some(minute.min(3)))]);
    assert_eq!(first_end(&passes(20, stopped, true)), Some(3 + SILENT_PASSES as usize));
    // Its time is over, and it was removed: that says the same.
    let removed = |minute: u64| Some(vec![machine("a", (minute <= 3).then_some(minute))]);
    assert_eq!(first_end(&passes(20, removed, true)), Some(3 + SILENT_PASSES as usize));
    let alive = |minute: u64| Some(vec![machine("a", Some(minute / 9))]);
    assert_eq!(first_end(&passes(100, alive, true)), None);
}

#[test]
fn a_failed_reading_ends_nothing_and_counts_nothing() {
    assert_eq!(first_end(&passes(50, |_| None, true)), None);
    let broken = |minute: u64| minute.is_multiple_of(2).then(|| vec![machine("a", None)]);
    assert_eq!(first_end(&passes(50, broken, true)), Some(2 * (1 + LAUNCH_PASSES as usize)));
}

#[test]
fn two_controllers_of_one_minute_count_it_once() {
    let seen = [machine("a", None)];
    let (_, memory) = decide(Some(&seen), &GroupMemory::default(), 7, true);
    assert_eq!(decide(Some(&seen), &memory, 7, true).1, memory);
}

#[test]
fn failed_launches_are_spaced_out_until_one_succeeds() {
    // A new machine every six minutes, none of which ever beats.
    let dead = |minute: u64| Some(vec![machine(&format!("m{}", minute / 6), None)]);
    let all = passes(24, dead, true);
    assert_eq!(all[5].launches, None);
    let last = &all[23];
    assert!(last.is_alarm && last.launches == Some(0), "{last:?}");
    // Nothing is launched any more: after half an hour one may be.
    let none = |minute: u64| if minute <= 24 { dead(minute) } else { Some(vec![]) };
    let all = passes(60, none, true);
    let allowed = all.iter().position(|decisions| decisions.launches == Some(1)).unwrap();
    assert!((50..=55).contains(&allowed), "{allowed}");
    // It comes to work.
    let mends = |minute: u64| match minute {
        ..=24 => dead(minute),
        25 => Some(vec![machine("good", None)]),
        _ => Some(vec![machine("good", Some(minute))]),
    };
    let last = passes(30, mends, true).pop().unwrap();
    assert!(!last.is_alarm && last.launches.is_none(), "{last:?}");
}

#[test]
fn machines_that_go_are_forgotten() {
    let seen = [machine("a", None), MachineView { is_in_service: false, ..machine("b", None) }];
    let (_, memory) = decide(Some(&seen), &GroupMemory::default(), 1, true);
    assert_eq!(memory.machines.keys().collect::<Vec<_>>(), ["a"]);
    assert!(decide(Some(&[]), &memory, 2, true).1.machines.is_empty());
}

proptest! {
    #[test]
    fn a_worker_that_beats_in_time_is_never_ended(
        pauses in proptest::collection::vec(1u64..u64::from(SILENT_PASSES), 1..20), boot in 0u64..u64::from(LAUNCH_PASSES)
    ) {
        let mut beats = vec![None; boot as usize];
        for (counter, pause) in pauses.iter().enumerate() {
            beats.extend(std::iter::repeat_n(Some(counter as u64), *pause as usize));
        }
        let see = |minute: u64| Some(vec![machine("a", beats[minute as usize - 1])]);
        prop_assert_eq!(first_end(&passes(beats.len() as u64, see, true)), None);
    }
}
