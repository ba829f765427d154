use proptest::prelude::*;

use super::*;

fn filter(rules: &[&str]) -> Filter {
    let filters = rules.iter().map(|rule| (*rule).to_owned()).collect();
    Filter::new(&Find { filters, ..Find::default() }, vec![String::new()], Some(Timestamp(100_000))).unwrap()
}

#[test]
fn the_last_rule_that_matches_wins() {
    for (rules, key, taken) in [
        (&[] as &[&str], "a", true),
        (&["- *.tmp"], "a/b.tmp", false),
        (&["- *.tmp"], "a/b", true),
        (&["+ *.jpg"], "a/b.jpg", true),
        (&["+ *.jpg"], "a/b.png", false),
        (&["- *", "+ keep/*"], "keep/a/b", true),
        (&["- *", "+ keep/*"], "other", false),
        (&["+ keep/*", "- *"], "keep/a", false),
        (&["- a", "+ a", "- a"], "a", false),
        (&["- a/**/z"], "a/b/c/z", false),
        (&["- {one,two}/?"], "two/x", false),
        (&["- [0-9]*"], "7", false),
        (&["- ?"], "é", true),
        (&["- *é*"], "aéb", false),
        (&["- a\\*"], "a*", false),
        (&["- a\\*"], "ab", true),
    ] {
        assert_eq!(filter(rules).takes_key(key), taken, "{rules:?} {key}");
    }
}

#[test]
fn a_glob_sees_the_key_as_a_string_and_never_as_a_path() {
    for key in ["a/", "a//", "/a", "../a", "a/.", "a\nb", "a//b"] {
        assert!(!filter(&["- *a*"]).takes_key(key), "{key:?}");
        assert!(filter(&["- a"]).takes_key(key), "{key:?}");
    }
}

#[test]
fn a_rule_that_is_none_is_named() {
    for rule in ["", "a", "+", "+ ", "* a", "- [", "- {a", "-a"] {
        let options = Find { filters: vec![rule.into()], ..Find::default() };
        let error = Filter::new(&options, vec![], Some(Timestamp(0))).unwrap_err().to_string();
        assert!(error.contains(&format!("{rule:?}")), "{error}");
    }
}

#[test]
fn size_and_age_bound_source_objects_inclusively() {
    let options = Find {
        min_size: Some(10),
        max_size: Some(20),
        min_age: Some(Duration::from_secs(10)),
        max_age: Some(Duration::from_secs(60)),
        ..Find::default()
    };
    let filter = Filter::new(&options, vec![], Some(Timestamp(100_000))).unwrap();
    for (size, seconds, taken) in [
        (10, 50, true),
        (20, 90, true),
        (9, 50, false),
        (21, 50, false),
        (15, 91, false),
        (15, 39, false),
        (15, 400, false),
    ] {
        assert_eq!(filter.takes_object(size, Timestamp(seconds * 1_000)), taken, "{size} {seconds}");
    }
    assert_eq!(filter.judge("k", Some((9, Timestamp(50_000)))), FilterVerdict::OutOfBounds);
    assert_eq!(filter.judge("k", None), FilterVerdict::Taken, "what the source does not have has no size");
}

#[test]
fn bounds_that_nothing_can_pass_are_refused() {
    let options = Find { min_size: Some(2), max_size: Some(1), ..Find::default() };
    assert!(Filter::new(&options, vec![], Some(Timestamp(0))).unwrap_err().to_string().contains("min-size"));
}

fn prefixes(text: impl AsRef<[u8]>) -> Result<Vec<String>, String> {
    prefixes::parse(text.as_ref(), "list")
}

#[test]
fn a_prefix_list_is_read_line_by_line_and_merged() {
    let list = "\u{feff}b/\r\n# comment\n\n  \na/c\nb/x\na\u{20}/\nb/\na/c";
    assert_eq!(prefixes(list).unwrap(), ["a /", "a/c", "b/"]);
    assert_eq!(prefixes("photos\nphotos2").unwrap(), ["photos"]);
}

#[test]
fn a_malformed_line_is_named_with_its_place() {
    let long = format!("ok\n{}\n", "x".repeat(1_025));
    for (list, part) in [
        (&b"a\nb\x01c\n"[..], "list:2: the line contains the control character '\\u{1}'"),
        (b"a\n\xff\n", "list:2: the line is not UTF-8"),
        (long.as_bytes(), "list:2: the line is longer than 1024 bytes"),
        (b"", "list: the file contains no prefixes"),
        (b"# nothing\n\n", "list: the file contains no prefixes"),
    ] {
        assert!(prefixes(list).unwrap_err().contains(part), "{:?}", prefixes(list));
    }
    assert_eq!(prefixes("x".repeat(1_024) + "\r\ny").unwrap().len(), 2);
}

#[test]
fn regression_a_line_that_can_match_nothing_is_refused() {
    for (line, part) in [
        ("/2024/", "write \"2024/\""),
        ("./2024/", "write \"2024/\""),
        ("s3://src/2024/", "such as \"2024/\""),
        ("oss://src", "is a location"),
        (" 2024/", "write \"2024/\""),
        ("2024/ ", "white space"),
        ("\t2024/", "white space"),
        ("2025*", "write \"2025\""),
        ("*", "is a glob"),
    ] {
        let error = prefixes(format!("ok/\n{line}\n")).unwrap_err();
        assert!(error.starts_with("list:2: ") && error.contains(part), "{line:?}: {error}");
        // Escaped, it stands for keys that do begin so.
        assert_eq!(prefixes(format!("\\{line}")).unwrap(), [line]);
    }
    assert_eq!(prefixes("\\#x\n\\\\y").unwrap(), ["#x", "\\y"]);
    let folder = tempfile::tempdir().unwrap();
    let error = prefixes::read(folder.path()).unwrap_err();
    assert!(error.contains("is a folder: give a file"), "{error}");
}

#[test]
fn a_missing_list_is_named() {
    let error = prefixes::read(std::path::Path::new("/nowhere/list")).unwrap_err();
    assert!(error.contains("/nowhere/list"), "{error}");
}

proptest! {
    #[test]
    fn merged_prefixes_cover_the_lines_keys_once_each(lines in prop::collection::vec("[ab]{1,4}", 1..10), key in "[ab]{0,6}") {
        let merged = prefixes(lines.join("\n")).unwrap();
        let holding = merged.iter().filter(|prefix| key.starts_with(prefix.as_str())).count();
        prop_assert_eq!(holding, usize::from(lines.iter().any(|line| key.starts_with(line.as_str()))));
        prop_assert!(merged.is_sorted());
    }
}

#[test]
fn a_key_is_reached_by_the_prefixes_that_are_listed() {
    let within = |prefixes: &[&str], key| {
        let prefixes = prefixes.iter().map(|prefix| (*prefix).to_owned()).collect();
        Filter::new(&Find::default(), prefixes, None).unwrap().reaches(key)
    };
    assert!(within(&[""], "a") && within(&["a", "b/"], "ab"));
    assert!(!within(&["b/"], "b") && !within(&["b/"], "a/b/") && !within(&["a", "c"], "b"));
}

#[test]
fn regression_a_folder_is_excluded_only_if_each_key_is() {
    let excludes = |rules: &[&str], folder: &str| filter(rules).excludes_below(folder);
    for rule in ["- lost+found/**", "- lost+found/*", "- lost*", "- *", "- **/lost+found/**", "- [l-m]ost+found/*"] {
        assert!(excludes(&[rule], "lost+found/"), "{rule}");
        assert!(excludes(&[rule], "lost+found/deep/"), "{rule}");
    }
    for rule in
        ["- lost+found", "- lost+found/", "- lost+found/*.txt", "- lost+found/a*", "- other/**", "- lost+found/\\*"]
    {
        assert!(!excludes(&[rule], "lost+found/"), "{rule}");
    }
    assert!(!excludes(&["- a/**", "+ a/b/**"], "a/"), "a later rule includes some of it");
    assert!(excludes(&["- a/**", "+ a/b/**"], "a/c/"));
    assert!(excludes(&["+ a/**", "- a/**"], "a/"));
    assert!(!excludes(&["- a/**", "+ *x"], "a/"));
    assert!(excludes(&["+ a/**"], "b/") && !excludes(&["+ a/**"], "a/b/"), "only what is included is entered");
    assert!(!excludes(&[], "a/"));
}
