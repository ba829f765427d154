use notify::event::{DataChange, Flag, MetadataKind, RemoveKind};

use super::*;

/// A folder and what is told of it, by a clock of the test's own.
struct Told {
    changes: Changes,
    now: Instant,
}

impl Told {
    fn new() -> Told {
        Told { changes: Changes::of(Path::new("/root")), now: Instant::now() }
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
    let mut told = Told::new();
    told.hear(CREATED, "a/b");
    for _ in 0..100 {
        told.wait(SETTLES / 2);
        told.hear(WRITTEN, "a/b");
        assert_eq!(told.take(), []);
    }
    told.hear(CLOSED, "a/b");
    assert_eq!(told.take(), one("a/b", false, false));
    assert!(!told.hear(WRITTEN, "a/b"), "one that was there before");
    assert_eq!(told.take(), []);
}

#[test]
fn a_file_that_nobody_closes_counts_when_it_has_settled() {
    let mut told = Told::new();
    told.hear(CREATED, "link");
    told.hear(TOUCHED, "link");
    assert_eq!(told.take(), []);
    assert_eq!(told.changes.due(told.now), Some(told.now + SETTLES));
    told.wait(SETTLES);
    assert_eq!(told.take(), one("link", true, false));
    assert_eq!(told.changes.due(told.now), None);
}

#[test]
fn reports_of_one_name_are_one_change() {
    let mut told = Told::new();
    for kind in [FROM, CLOSED, TO, TOUCHED, REMOVED, EventKind::Create(CreateKind::Folder)] {
        assert!(told.hear(kind, "a"));
    }
    assert_eq!(told.take(), one("a", true, true));
}

#[test]
fn a_renamed_file_is_two_names() {
    let mut told = Told::new();
    told.hear(FROM, "a");
    told.hear(TO, "b");
    let both = Event::new(EventKind::Modify(ModifyKind::Name(RenameMode::Both)));
    let both = both.add_path("/root/a".into()).add_path("/root/b".into());
    assert!(!told.changes.note(Ok(both), told.now, Timestamp(8)));
    assert_eq!(told.take(), [("a".to_owned(), false, true), ("b".to_owned(), true, false)]);
}

#[test]
fn reads_and_unfinished_or_foreign_files_are_no_change() {
    let mut told = Told::new();
    assert!(!told.hear(EventKind::Access(AccessKind::Open(AccessMode::Any)), "a"));
    assert!(!told.hear(EventKind::Access(AccessKind::Close(AccessMode::Read)), "a"));
    assert!(!told.hear(CREATED, ".flotilla-partial/put-1"));
    assert!(!told.hear(TO, ".flotilla-partial"));
    assert!(!told.hear(TO, "/elsewhere/a"));
    assert_eq!(told.take(), []);
    assert!(told.hear(TO, ".flotilla-partial-not"));
}

#[test]
fn lost_reports_and_a_missing_root_cause_a_scan() {
    let lost: [fn(&mut Told) -> bool; 4] = [
        |told| told.changes.note(Ok(Event::new(EventKind::Other).set_flag(Flag::Rescan)), told.now, Timestamp(0)),
        |told| told.changes.note(Err(notify::Error::new(notify::ErrorKind::MaxFilesWatch)), told.now, Timestamp(0)),
        |told| told.hear(REMOVED, ""),
        |told| told.hear(FROM, ""),
    ];
    for lose in lost {
        let mut told = Told::new();
        told.hear(TO, "a");
        assert!(!told.changes.has_missed());
        assert!(lose(&mut told));
        assert_eq!(told.take(), [], "the scan finds it");
        assert!(told.changes.take_missed());
        assert!(!told.changes.has_missed(), "once");
    }
    let mut told = Told::new();
    told.hear(TOUCHED, "");
    assert!(!told.changes.has_missed(), "the folder's own attributes");
}

#[test]
fn more_than_memory_is_meant_for_is_for_a_scan_to_find() {
    let mut told = Told::new();
    let long = "n".repeat(200);
    for i in 0..MAX_BYTES / 200 {
        told.hear(if i % 2 == 0 { TO } else { CREATED }, &format!("{long}/{i}"));
    }
    assert!(told.changes.has_missed());
    assert!(told.changes.bytes <= MAX_BYTES);
}

#[test]
fn a_name_that_is_no_key_is_reported_apart() {
    use std::os::unix::ffi::OsStrExt as _;
    let mut told = Told::new();
    let path = Path::new("/root").join(std::ffi::OsStr::from_bytes(b"a\xff"));
    told.changes.note(Ok(Event::new(TO).add_path(path.clone())), told.now, Timestamp(0));
    let taken = told.changes.take(told.now, false);
    assert_eq!((taken.nameless, taken.names.len()), (Some(path), 0));
}

proptest::proptest! {
    /// After anything has happened to a name but being read, it is taken in the end.
    #[test]
    fn no_change_is_lost_in_any_order(kinds in proptest::collection::vec(0..6usize, 1..12)) {
        let all = [CREATED, WRITTEN, CLOSED, TOUCHED, FROM, TO];
        let mut told = Told::new();
        let (mut news, mut taken) = (false, false);
        for kind in kinds {
            news |= told.hear(all[kind], "a");
            told.wait(SETTLES / 3);
            taken |= !told.take().is_empty();
        }
        told.wait(SETTLES);
        taken |= !told.take().is_empty();
        proptest::prop_assert_eq!(news, taken);
    }
}
