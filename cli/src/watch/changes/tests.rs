use notify::event::{DataChange, Flag, MetadataKind, RemoveKind};

use super::*;

/// A folder and reports about it, by a clock of the test's own.
struct Reports {
    changes: Changes,
    now: Instant,
}

impl Reports {
    fn new() -> Reports {
        Reports { changes: Changes::of(Path::new("/root")), now: Instant::now() }
    }

    fn hear(&mut self, kind: EventKind, name: &str) -> bool {
        self.changes.note(Ok(Event::new(kind).add_path(Path::new("/root").join(name))), self.now, Timestamp(7))
    }

    fn wait(&mut self, time: Duration) {
        self.now += time;
    }

    /// What is taken now: each name with whether something arrived or was removed there.
    fn take(&mut self) -> Vec<(String, bool, bool)> {
        let taken = self.changes.take(self.now, false);
        taken.names.into_iter().map(|(name, change)| (name, change.arrived, change.removed)).collect()
    }
}

const CREATED: EventKind = EventKind::Create(CreateKind::File);
const WRITTEN: EventKind = EventKind::Modify(ModifyKind::Data(DataChange::Any));
const CLOSED: EventKind = EventKind::Access(AccessKind::Close(AccessMode::Write));
const TOUCHED: EventKind = EventKind::Modify(ModifyKind::Metadata(MetadataKind::Any));
const FROM: EventKind = EventKind::Modify(ModifyKind::Name(RenameMode::From));
const TO: EventKind = EventKind::Modify(ModifyKind::Name(RenameMode::To));
const REMOVED: EventKind = EventKind::Remove(RemoveKind::File);

fn one(name: &str, arrived: bool, removed: bool) -> Vec<(String, bool, bool)> {
    vec![(name.to_owned(), arrived, removed)]
}

#[test]
fn a_file_counts_when_it_is_closed_and_not_at_each_write() {
    let mut reports = Reports::new();
    reports.hear(CREATED, "a/b");
    for _ in 0..100 {
        reports.wait(SETTLES / 2);
        reports.hear(WRITTEN, "a/b");
        assert_eq!(reports.take(), []);
    }
    reports.hear(CLOSED, "a/b");
    assert_eq!(reports.take(), one("a/b", false, false));
    assert!(!reports.hear(WRITTEN, "a/b"), "one that was there before");
    assert_eq!(reports.take(), []);
}

#[test]
fn a_file_that_nobody_closes_counts_when_it_has_settled() {
    let mut reports = Reports::new();
    reports.hear(CREATED, "link");
    reports.hear(TOUCHED, "link");
    assert_eq!(reports.take(), []);
    assert_eq!(reports.changes.due(reports.now), Some(reports.now + SETTLES));
    reports.wait(SETTLES);
    assert_eq!(reports.take(), one("link", true, false));
    assert_eq!(reports.changes.due(reports.now), None);
}

#[test]
fn reports_of_one_name_are_one_change() {
    let mut reports = Reports::new();
    for kind in [FROM, CLOSED, TO, TOUCHED, REMOVED, EventKind::Create(CreateKind::Folder)] {
        assert!(reports.hear(kind, "a"));
    }
    assert_eq!(reports.take(), one("a", true, true));
}

#[test]
fn a_renamed_file_is_two_names() {
    let mut reports = Reports::new();
    reports.hear(FROM, "a");
    reports.hear(TO, "b");
    let both = Event::new(EventKind::Modify(ModifyKind::Name(RenameMode::Both)));
    let both = both.add_path("/root/a".into()).add_path("/root/b".into());
    assert!(!reports.changes.note(Ok(both), reports.now, Timestamp(8)));
    assert_eq!(reports.take(), [("a".to_owned(), false, true), ("b".to_owned(), true, false)]);
}

#[test]
fn reads_and_unfinished_or_foreign_files_are_no_change() {
    let mut reports = Reports::new();
    assert!(!reports.hear(EventKind::Access(AccessKind::Open(AccessMode::Any)), "a"));
    assert!(!reports.hear(EventKind::Access(AccessKind::Close(AccessMode::Read)), "a"));
    assert!(!reports.hear(CREATED, ".flotilla-partial/put-1"));
    assert!(!reports.hear(TO, ".flotilla-partial"));
    assert!(!reports.hear(TO, "/elsewhere/a"));
    assert_eq!(reports.take(), []);
    assert!(reports.hear(TO, ".flotilla-partial-not"));
}

#[test]
fn lost_reports_and_a_missing_root_cause_a_scan() {
    let lost: [fn(&mut Reports) -> bool; 4] = [
        |reports| {
            reports.changes.note(Ok(Event::new(EventKind::Other).set_flag(Flag::Rescan)), reports.now, Timestamp(0))
        },
        |reports| {
            reports.changes.note(Err(notify::Error::new(notify::ErrorKind::MaxFilesWatch)), reports.now, Timestamp(0))
        },
        |reports| reports.hear(REMOVED, ""),
        |reports| reports.hear(FROM, ""),
    ];
    for lose in lost {
        let mut reports = Reports::new();
        reports.hear(TO, "a");
        assert!(!reports.changes.has_missed());
        assert!(lose(&mut reports));
        assert_eq!(reports.take(), [], "the scan finds it");
        assert!(reports.changes.take_missed());
        assert!(!reports.changes.has_missed(), "once");
    }
    let mut reports = Reports::new();
    reports.hear(TOUCHED, "");
    assert!(!reports.changes.has_missed(), "the folder's own attributes");
}

#[test]
fn more_than_memory_is_meant_for_is_for_a_scan_to_find() {
    let mut reports = Reports::new();
    let long = "n".repeat(200);
    for i in 0..MAX_BYTES / 200 {
        reports.hear(if i % 2 == 0 { TO } else { CREATED }, &format!("{long}/{i}"));
    }
    assert!(reports.changes.has_missed());
    assert!(reports.changes.bytes <= MAX_BYTES);
}

#[test]
fn a_name_that_is_no_key_is_reported_apart() {
    use std::os::unix::ffi::OsStrExt as _;
    let mut reports = Reports::new();
    let path = Path::new("/root").join(std::ffi::OsStr::from_bytes(b"a\xff"));
    reports.changes.note(Ok(Event::new(TO).add_path(path.clone())), reports.now, Timestamp(0));
    let taken = reports.changes.take(reports.now, false);
    assert_eq!((taken.nameless, taken.names.len()), (Some(path), 0));
}

proptest::proptest! {
    /// After anything has happened to a name but being read, it is taken in the end.
    #[test]
    fn no_change_is_lost_in_any_order(kinds in proptest::collection::vec(0..6usize, 1..12)) {
        let all = [CREATED, WRITTEN, CLOSED, TOUCHED, FROM, TO];
        let mut reports = Reports::new();
        let (mut news, mut taken) = (false, false);
        for kind in kinds {
            news |= reports.hear(all[kind], "a");
            reports.wait(SETTLES / 3);
            taken |= !reports.take().is_empty();
        }
        reports.wait(SETTLES);
        taken |= !reports.take().is_empty();
        proptest::prop_assert_eq!(news, taken);
    }
}
