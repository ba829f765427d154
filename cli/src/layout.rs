//! Text that fits a terminal's width: pure functions over strings.

/// Columns where nothing reports the terminal's width.
pub const DEFAULT_COLUMNS: usize = 80;

/// Narrower terminals get no bar: its room is needed for the counters.
const BAR_FROM_COLUMNS: usize = 60;

/// Columns of the bar, without its brackets.
const BAR_COLUMNS: usize = 20;

/// Columns of standard error's terminal.
pub fn columns() -> usize {
    let size = terminal_size::terminal_size_of(std::io::stderr());
    size.map_or(DEFAULT_COLUMNS, |(width, _)| usize::from(width.0).max(1))
}

/// Rows of standard error's terminal.
pub fn rows() -> usize {
    terminal_size::terminal_size_of(std::io::stderr()).map_or(24, |(_, height)| usize::from(height.0))
}

/// Columns that a text takes. East Asian wide characters and emoji take two.
pub fn width(text: &str) -> usize {
    text.chars().map(char_width).sum()
}

fn char_width(c: char) -> usize {
    match u32::from(c) {
        0x1100..=0x115F
        | 0x2E80..=0xA4CF
        | 0xAC00..=0xD7A3
        | 0xF900..=0xFAFF
        | 0xFE30..=0xFE6F
        | 0xFF00..=0xFF60
        | 0xFFE0..=0xFFE6
        | 0x1F300..=0x1FAFF
        | 0x20000..=0x3FFFD => 2,
        _ => 1,
    }
}

/// The text's end in at most `columns`, with `…` in place of what was cut: the end of a key names the object.
pub fn end_within(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mut room = columns.saturating_sub(1);
    let kept = text.char_indices().rev().take_while(|(_, c)| {
        let fits = char_width(*c) <= room;
        room = room.saturating_sub(char_width(*c));
        fits
    });
    let from = kept.last().map_or(text.len(), |(at, _)| at);
    if columns == 0 { String::new() } else { format!("…{}", &text[from..]) }
}

/// The text's beginning in at most `columns`, with `…` in place of what was cut.
pub fn start_within(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mut room = columns.saturating_sub(1);
    let kept: String = text
        .chars()
        .take_while(|c| {
            let fits = char_width(*c) <= room;
            room = room.saturating_sub(char_width(*c));
            fits
        })
        .collect();
    if columns == 0 { String::new() } else { format!("{kept}…") }
}

/// As many of the parts as fit one line, joined by commas. Later parts are left out first; what does not fit
/// alone is cut.
pub fn line_of(parts: &[String], columns: usize) -> String {
    let mut line = String::new();
    for part in parts {
        let joined = if line.is_empty() { part.clone() } else { format!("{line}, {part}") };
        if width(&joined) > columns && !line.is_empty() {
            break;
        }
        line = joined;
    }
    start_within(&line, columns)
}

/// All parts, joined by commas, in as many lines as the columns need. Lines after the first are indented.
pub fn lines_of(parts: &[String], columns: usize) -> String {
    let (mut text, mut used) = (String::new(), 0);
    for (i, part) in parts.iter().enumerate() {
        let comma = usize::from(i + 1 < parts.len());
        if i == 0 {
            used = width(part);
        } else if used + 1 + width(part) + comma > columns {
            text += "\n    ";
            used = 4 + width(part);
        } else {
            text.push(' ');
            used += 1 + width(part);
        }
        text += part;
        if comma > 0 {
            text.push(',');
            used += 1;
        }
    }
    text
}

/// A bar with the share that is done; nothing where it has no room. Ends with a blank.
pub fn bar(share: Option<f64>, columns: usize) -> String {
    if columns < BAR_FROM_COLUMNS {
        return String::new();
    }
    let full = (share.unwrap_or(0.0).clamp(0.0, 1.0) * BAR_COLUMNS as f64) as usize;
    let head = if full > 0 && full < BAR_COLUMNS { ">" } else { "" };
    format!("[{:<BAR_COLUMNS$}] ", format!("{}{head}", "=".repeat(full - head.len())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parts(parts: &[&str]) -> Vec<String> {
        parts.iter().map(|part| (*part).to_owned()).collect()
    }

    #[test]
    fn later_parts_are_left_out_first() {
        let all = parts(&["1 of 2 objects", "3 B of 4 B", "5 B/s"]);
        assert_eq!(line_of(&all, 80), "1 of 2 objects, 3 B of 4 B, 5 B/s");
        assert_eq!(line_of(&all, 26), "1 of 2 objects, 3 B of 4 B");
        assert_eq!(line_of(&all, 25), "1 of 2 objects");
        assert_eq!(line_of(&all, 8), "1 of 2 …");
    }

    #[test]
    fn lines_break_between_parts() {
        let all = parts(&["10 listed", "8 copied", "2 failed"]);
        assert_eq!(lines_of(&all, 80), "10 listed, 8 copied, 2 failed");
        assert_eq!(lines_of(&all, 20), "10 listed, 8 copied,\n    2 failed");
    }

    #[test]
    fn a_key_keeps_its_end() {
        assert_eq!(end_within("films/2026/a.mkv", 80), "films/2026/a.mkv");
        assert_eq!(end_within("films/2026/a.mkv", 8), "…6/a.mkv");
        assert_eq!(end_within("映画/二〇二六", 5), "…二六");
    }

    #[test]
    fn a_bar_shows_the_share_and_yields_to_counters() {
        assert_eq!(bar(Some(0.0), 80), "[                    ] ");
        assert_eq!(bar(Some(0.5), 80), "[=========>          ] ");
        assert_eq!(bar(Some(1.0), 80), "[====================] ");
        assert_eq!(bar(Some(0.5), 40), "");
    }

    proptest! {
        #[test]
        fn nothing_is_wider_than_asked(text in "\\PC{0,60}", columns in 0usize..50) {
            prop_assert!(width(&end_within(&text, columns)) <= columns);
            prop_assert!(width(&start_within(&text, columns)) <= columns);
            prop_assert!(width(&line_of(&[text.clone(), text], columns)) <= columns);
        }
    }
}
