use super::*;
use proptest::prelude::*;

fn at(text: &str) -> Timestamp {
    Timestamp(text.parse::<jiff::Timestamp>().unwrap().as_millisecond())
}

fn cron(text: &str) -> Cron {
    text.parse().unwrap()
}

/// The due times in `from..to`, as UTC.
fn dues(text: &str, from: &str, to: &str) -> Vec<String> {
    let (cron, mut all, mut time) = (cron(text), Vec::new(), Timestamp(at(from).0 - 1));
    while let Some(due) = cron.next_after(time).filter(|due| *due < at(to)) {
        all.push(due.to_seconds());
        time = due;
    }
    all
}

#[test]
fn fields_match_as_in_every_cron() {
    for (text, after, due) in [
        ("* * * * *", "2026-11-27T12:00:00Z", "2026-11-27T12:01:00Z"),
        ("*/15 * * * *", "2026-11-27T12:50:01Z", "2026-11-27T13:00:00Z"),
        ("5/20 * * * *", "2026-11-27T12:26:00Z", "2026-11-27T12:45:00Z"),
        ("0 3 * * *", "2026-11-27T12:00:00Z", "2026-11-28T03:00:00Z"),
        ("0 0 1 jan *", "2026-11-27T12:00:00Z", "2027-01-01T00:00:00Z"),
        ("30 6 * * mon-fri", "2026-11-27T06:30:00Z", "2026-11-30T06:30:00Z"),
        ("0 0 * * 7", "2026-11-27T12:00:00Z", "2026-11-29T00:00:00Z"),
        ("0 0 29 2 *", "2026-11-27T12:00:00Z", "2028-02-29T00:00:00Z"),
        // Neither field of days is `*`: one that matches is enough.
        ("0 0 13 * fri", "2026-11-27T12:00:00Z", "2026-12-04T00:00:00Z"),
        ("0 0 1,15 * *", "2026-11-27T12:00:00Z", "2026-12-01T00:00:00Z"),
        ("0 9 * * * Asia/Tokyo", "2026-11-27T12:00:00Z", "2026-11-28T00:00:00Z"),
    ] {
        assert_eq!(cron(text).next_after(at(after)), Some(at(due)), "{text}");
    }
}

#[test]
fn a_time_that_the_clocks_skip_is_due_after_the_gap() {
    // In Berlin the clocks go from 02:00 to 03:00 on 2026-03-29, at 01:00 UTC.
    let night = |text| dues(text, "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z");
    assert_eq!(night("30 2 * * * Europe/Berlin"), ["2026-03-29T01:00:00Z"]);
    assert_eq!(night("*/10 2 * * * Europe/Berlin"), ["2026-03-29T01:00:00Z"]);
    assert_eq!(night("0 1-3 * * * Europe/Berlin"), ["2026-03-29T00:00:00Z", "2026-03-29T01:00:00Z"]);
    assert_eq!(night("0 * * * * Europe/Berlin").len(), 23);
    // The day after is as all others.
    assert_eq!(
        dues("30 2 * * * Europe/Berlin", "2026-03-29T22:00:00Z", "2026-03-30T22:00:00Z"),
        ["2026-03-30T00:30:00Z"]
    );
}

#[test]
fn a_time_that_comes_twice_is_due_the_first_time() {
    // In Berlin the clocks go from 03:00 to 02:00 on 2026-10-25, at 01:00 UTC.
    let night = |text| dues(text, "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z");
    assert_eq!(night("30 2 * * * Europe/Berlin"), ["2026-10-25T00:30:00Z"]);
    assert_eq!(night("0 * * * * Europe/Berlin").len(), 25);
    assert_eq!(night("*/30 2 * * * Europe/Berlin"), ["2026-10-25T00:00:00Z", "2026-10-25T00:30:00Z"]);
}

#[test]
fn a_day_that_a_zone_leaves_out_is_due_at_its_end() {
    // Samoa had no 2011-12-30: it changed to the other side of the date line at 2011-12-30 10:00 UTC.
    let due = dues("0 12 * * * Pacific/Apia", "2011-12-29T12:00:00Z", "2011-12-31T12:00:00Z");
    assert_eq!(due, ["2011-12-29T22:00:00Z", "2011-12-30T10:00:00Z", "2011-12-30T22:00:00Z"]);
}

#[test]
fn what_is_no_schedule_is_refused_with_a_remedy() {
    for (text, part) in [
        ("", "every 6h"),
        ("daily", "every 6h"),
        ("once a day", "every 6h"),
        ("every", "after \"every\""),
        ("every day", "after \"every\""),
        ("every 10s", "1m to "),
        ("every 2years", "out of bounds"),
        ("cron * * * *", "day of week"),
        ("cron * * * * * UTC 2026", "day of week"),
        ("cron 60 * * * *", "minute: give 0 to 59"),
        ("cron * 24 * * *", "hour: give 0 to 23"),
        ("cron * * 0 * *", "day of month: give 1 to 31"),
        ("cron * * * 13 *", "jan to dec"),
        ("cron * * * * 8", "sun to sat"),
        ("cron 5-1 * * * *", "a range like 1-5"),
        ("cron */0 * * * *", "a step like */2"),
        ("cron 1, * * * *", "minute"),
        ("cron 0 0 30 2 *", "never due"),
        ("cron 0 0 * * * Mars/Olympus", "is not a time zone"),
    ] {
        let error = text.parse::<Schedule>().unwrap_err();
        assert!(error.contains(part), "{text}: {error}");
    }
}

#[test]
fn a_schedule_is_printed_as_it_is_read() {
    for text in ["once", "every 6h", "every 1h 30m", "cron 0 3 * * mon-fri Europe/Berlin", "cron */5 * * * *"] {
        let schedule: Schedule = text.parse().unwrap();
        assert_eq!(schedule.to_string(), text);
        let json = serde_json::to_string(&schedule).unwrap();
        assert_eq!(serde_json::from_str::<Schedule>(&json).unwrap(), schedule);
    }
}

#[test]
fn missed_runs_are_not_made_up_for() {
    let every: Schedule = "every 1h".parse().unwrap();
    assert_eq!(every.first(at("2026-11-27T12:10:00Z")), Some(at("2026-11-27T12:10:00Z")));
    let due = at("2026-11-27T12:10:00Z");
    assert_eq!(every.next(due, due), Some(at("2026-11-27T13:10:00Z")));
    assert_eq!(every.next(due, at("2026-11-28T12:15:00Z")), Some(at("2026-11-28T13:10:00Z")));
    // A clock that was set back.
    assert_eq!(every.next(due, at("2026-11-27T09:00:00Z")), Some(at("2026-11-27T13:10:00Z")));
    assert_eq!(Schedule::Once.next(due, due), None);
    let nightly: Schedule = "cron 0 3 * * *".parse().unwrap();
    assert_eq!(nightly.next(due, at("2026-12-24T12:00:00Z")), Some(at("2026-12-25T03:00:00Z")));
}

proptest! {
    #[test]
    fn a_due_time_lies_after_and_its_successor_after_it(
        seconds in 0i64..4_000_000_000,
        minute in 0u32..60, hour in 0u32..24,
        zone in prop::sample::select(vec!["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"]),
        hours_are_any in any::<bool>(),
    ) {
        let hours = if hours_are_any { "*".to_owned() } else { hour.to_string() };
        let cron = cron(&format!("{minute} {hours} * * * {zone}"));
        let first = cron.next_after(Timestamp(seconds * 1_000)).unwrap();
        let second = cron.next_after(first).unwrap();
        prop_assert!(first.0 > seconds * 1_000 && second > first);
        // A day has up to 25 hours. Lord Howe moves its clocks by half an hour.
        let longest = if hours_are_any { 2 } else { 26 } * 3_600_000;
        prop_assert!(second.0 - first.0 <= longest, "{first} {second}");
        // Nothing is due in between.
        let between = Timestamp(first.0 + (second.0 - first.0) / 2);
        prop_assert_eq!(cron.next_after(between), Some(second));
    }
}
