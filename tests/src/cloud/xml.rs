//! XML, as far as S3's requests and answers need it.

use super::Control;

/// Text as it stands between tags.
pub(crate) fn escape(text: &str, control: Control) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            // A parser would read it as a newline.
            '\r' => escaped.push_str("&#13;"),
            '\t' | '\n' => escaped.push(c),
            c if c < ' ' || matches!(c, '\u{fffe}' | '\u{ffff}') => match control {
                Control::Referenced => escaped.push_str(&format!("&#x{:x};", u32::from(c))),
                Control::Raw => escaped.push(c),
                Control::Replaced => escaped.push('\u{fffd}'),
            },
            c => escaped.push(c),
        }
    }
    escaped
}

/// What stands in all elements of this name, in order; elements of a name are not inside each other.
pub(crate) fn elements<'a>(text: &'a str, name: &str) -> Vec<&'a str> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((at, after)) = opening(rest, name) {
        rest = &rest[at..];
        let close = format!("</{name}>");
        let Some(end) = rest.find(&close).filter(|_| !after) else {
            if after {
                found.push("");
                continue;
            }
            break;
        };
        found.push(&rest[..end]);
        rest = &rest[end + close.len()..];
    }
    found
}

/// Where the content of the next element of this name begins, and whether it is `<name/>`.
fn opening(text: &str, name: &str) -> Option<(usize, bool)> {
    let open = format!("<{name}");
    for (at, _) in text.match_indices(&open) {
        let rest = &text[at + open.len()..];
        if rest.starts_with(['>', ' ', '/', '\n', '\t']) {
            let end = rest.find('>')?;
            return Some((at + open.len() + end + 1, rest[..end].ends_with('/')));
        }
    }
    None
}

/// The text of the first element of this name.
pub(crate) fn text_of(text: &str, name: &str) -> Option<String> {
    elements(text, name).first().map(|raw| unescape(raw.trim()))
}

/// Text as it was before it was escaped.
pub(crate) fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        plain.push_str(&rest[..at]);
        rest = &rest[at..];
        let end = rest.find(';').unwrap_or(rest.len() - 1);
        match &rest[1..end] {
            "amp" => plain.push('&'),
            "lt" => plain.push('<'),
            "gt" => plain.push('>'),
            "quot" => plain.push('"'),
            "apos" => plain.push('\''),
            number => {
                let code = match number.strip_prefix("#x").or(number.strip_prefix("#X")) {
                    Some(hex) => u32::from_str_radix(hex, 16).ok(),
                    None => number.strip_prefix('#').and_then(|digits| digits.parse().ok()),
                };
                plain.extend(code.and_then(char::from_u32));
            }
        }
        rest = &rest[end + 1..];
    }
    plain.push_str(rest);
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_escaped_is_read_again() {
        let text = "a<b>&\"c'\r\n\t\u{1}\u{ffff}é😀";
        assert_eq!(unescape(&escape(text, Control::Referenced)), text);
    }

    #[test]
    fn elements_are_found_by_their_whole_name() {
        let text = "<P><PartNumber>1</PartNumber><Part>x</Part><Part a=\"b\">y</Part><Part/></P>";
        assert_eq!(elements(text, "Part"), ["x", "y", ""]);
        assert_eq!(text_of(text, "PartNumber").as_deref(), Some("1"));
        assert_eq!(text_of(text, "None"), None);
    }
}
