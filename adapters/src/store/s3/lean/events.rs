//! Reads XML once, as a sequence of elements and texts.
//!
//! Stores answer with a small part of XML: elements, texts, five entities. A short scanner reads this part and checks
//! that every element is closed by its own name, and that nothing follows the outermost one. If the scanner meets
//! anything else (comments, CDATA, prefixes, an illegal character, a fault), `answer::check` reads the document, and
//! names its fault or finds it well-formed; then a tokenizer for all of XML reads it again. So both refuse a document
//! that is cut off or garbled.

use xmlparser::{ElementEnd, Token, Tokenizer};

use crate::store::s3::answer;

/// Takes a document apart.
pub(super) trait Reader: Default {
    /// An element begins that has others in it. Texts between these are left out.
    fn open(&mut self, name: &str) -> Result<(), String>;
    /// An element without others in it, and its text.
    fn leaf(&mut self, name: &str, text: &str) -> Result<(), String>;
    /// The open element ends.
    fn close(&mut self) -> Result<(), String>;
}

/// Refuses a document whose outermost element has another name.
pub(super) fn check_root(name: &str, expected: &str) -> Result<(), String> {
    if name == expected { Ok(()) } else { Err(format!("invalid XML root: expected {expected}, got {name}")) }
}

/// The scanner does not know this.
#[derive(Debug, PartialEq, Eq)]
struct Unknown;

/// Reads a whole document. The error says why it is none, or why the reader refuses it.
pub(super) fn read<R: Reader>(body: &[u8]) -> Result<R, String> {
    if let Ok(text) = std::str::from_utf8(body) {
        let mut reader = R::default();
        if let Ok(read) = scan(text, &mut reader) {
            return read.map(|()| reader);
        }
    }
    answer::check(body).map_err(|fault| fault.to_string())?;
    let text = std::str::from_utf8(body).map_err(|error| error.to_string())?;
    let mut reader = R::default();
    tokens(text, &mut reader).map(|()| reader)
}

/// Whether XML has no place for a character of the text.
fn has_illegal(text: &str) -> bool {
    let is_illegal = |byte: u8| byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r');
    // Without a branch for each byte: the compiler makes vector instructions of it.
    let has_control = |bytes: &[u8]| bytes.iter().fold(false, |found, byte| found | is_illegal(*byte));
    text.as_bytes().chunks(256).any(has_control)
        || text.as_bytes().contains(&0xef) && text.contains(['\u{fffe}', '\u{ffff}'])
}

/// Reads a plain document. The inner result is the reader's own.
fn scan<R: Reader>(text: &str, reader: &mut R) -> Result<Result<(), String>, Unknown> {
    if has_illegal(text) {
        return Err(Unknown);
    }
    let mut rest = text.strip_prefix('\u{feff}').unwrap_or(text).trim_ascii_start();
    if let Some(after) = rest.strip_prefix("<?xml ") {
        rest = after.split_once("?>").ok_or(Unknown)?.1.trim_ascii_start();
    }
    let mut scanner = Scanner { rest, open: Vec::new(), plain: String::new() };
    loop {
        match scanner.next(reader)? {
            Ok(()) if scanner.open.is_empty() => break,
            Ok(()) => {}
            refused => return Ok(refused),
        }
    }
    if scanner.rest.trim_ascii().is_empty() { Ok(Ok(())) } else { Err(Unknown) }
}

/// A document, from the tag that is read next.
struct Scanner<'a> {
    rest: &'a str,
    /// The names of the open elements.
    open: Vec<&'a str>,
    /// A text with its entities replaced.
    plain: String,
}

impl<'a> Scanner<'a> {
    /// Reads a tag, and the whole element if it has no others in it.
    fn next<R: Reader>(&mut self, reader: &mut R) -> Result<Result<(), String>, Unknown> {
        let (tag, behind) = self.rest.strip_prefix('<').and_then(|rest| rest.split_once('>')).ok_or(Unknown)?;
        if let Some(name) = tag.strip_prefix('/') {
            if self.open.pop() != Some(name) {
                return Err(Unknown);
            }
            self.skip_text(behind)?;
            return Ok(reader.close());
        }
        if let Some(tag) = tag.strip_suffix('/') {
            let name = element(tag)?;
            self.skip_text(behind)?;
            return Ok(reader.leaf(name, ""));
        }
        let name = element(tag)?;
        let (text, after) = behind.split_at(behind.find('<').ok_or(Unknown)?);
        let end = after.strip_prefix("</").and_then(|after| after.strip_prefix(name)?.strip_prefix('>'));
        let Some(behind) = end else {
            unescape(text, &mut self.plain)?;
            self.open.push(name);
            self.rest = after;
            return Ok(reader.open(name));
        };
        let read = reader.leaf(name, unescape(text, &mut self.plain)?);
        self.skip_text(behind)?;
        Ok(read)
    }

    /// Goes on at the next tag. A text before it is checked and left out.
    fn skip_text(&mut self, behind: &'a str) -> Result<(), Unknown> {
        if self.open.is_empty() {
            self.rest = behind;
            return Ok(());
        }
        let (text, rest) = behind.split_at(behind.find('<').ok_or(Unknown)?);
        self.rest = rest;
        unescape(text, &mut self.plain).map(drop)
    }
}

/// The name in a tag. Of attributes the scanner knows one `name="value"`, without anything in it that XML escapes.
fn element(tag: &str) -> Result<&str, Unknown> {
    let is_name = |name: &str| {
        name.starts_with(|c: char| c.is_ascii_alphabetic())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    };
    let Some((name, attribute)) = tag.split_once(' ') else { return is_name(tag).then_some(tag).ok_or(Unknown) };
    let value = attribute.trim_end().strip_suffix('"').and_then(|attribute| attribute.split_once("=\""));
    let is_plain = value.is_some_and(|(name, value)| is_name(name) && !value.contains(['"', '<', '&']));
    (is_name(name) && is_plain).then_some(name).ok_or(Unknown)
}

/// The text with its entities replaced, in `plain` if there are any.
fn unescape<'t>(text: &'t str, plain: &'t mut String) -> Result<&'t str, Unknown> {
    if !text.bytes().any(|byte| matches!(byte, b'&' | b'>')) {
        return Ok(text);
    }
    if text.contains("]]>") {
        return Err(Unknown);
    }
    let Some(first) = text.find('&') else { return Ok(text) };
    plain.clear();
    plain.push_str(&text[..first]);
    let mut rest = &text[first..];
    while let Some((before, after)) = rest.split_once('&') {
        plain.push_str(before);
        let (entity, behind) = after.split_once(';').ok_or(Unknown)?;
        plain.push(match entity {
            "quot" => '"',
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "apos" => '\'',
            number => referenced(number).ok_or(Unknown)?,
        });
        rest = behind;
    }
    plain.push_str(rest);
    Ok(plain)
}

/// The character of a reference by number, without `&` and `;`.
fn referenced(number: &str) -> Option<char> {
    let number = number.strip_prefix('#')?;
    let code = match number.strip_prefix(['x', 'X']) {
        Some(hex) => u32::from_str_radix(hex, 16),
        None => number.parse(),
    };
    char::from_u32(code.ok()?)
}

/// Reads a document that `answer::check` has found well-formed.
fn tokens<R: Reader>(text: &str, reader: &mut R) -> Result<(), String> {
    let mut has_root = false;
    // The element that has just begun, and its text so far: others in it may follow.
    let mut begun: Option<(&str, String)> = None;
    for token in Tokenizer::from(text) {
        match token.map_err(|error| error.to_string())? {
            Token::ElementStart { span, .. } => {
                has_root = true;
                if let Some((name, _)) = begun.replace((&span.as_str()[1..], String::new())) {
                    reader.open(name)?;
                }
            }
            Token::ElementEnd { end: ElementEnd::Empty | ElementEnd::Close(..), .. } => match begun.take() {
                Some((name, text)) => reader.leaf(name, &text)?,
                None => reader.close()?,
            },
            Token::Text { text } => {
                let mut plain = String::new();
                let plain = unescape(text.as_str(), &mut plain);
                let plain = plain.map_err(|Unknown| "a text has an unknown entity".to_owned())?;
                if let Some((_, text)) = &mut begun {
                    text.push_str(plain);
                }
            }
            Token::Cdata { text: more, .. } => {
                if let Some((_, text)) = &mut begun {
                    text.push_str(more.as_str());
                }
            }
            _ => {}
        }
    }
    if has_root { Ok(()) } else { Err("invalid XML root: there is no element".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Writes down what it is given.
    #[derive(Debug, Default, PartialEq, Eq)]
    struct Notes(String);

    impl Reader for Notes {
        fn open(&mut self, name: &str) -> Result<(), String> {
            self.0.push_str(&format!("({name} "));
            Ok(())
        }

        fn leaf(&mut self, name: &str, text: &str) -> Result<(), String> {
            self.0.push_str(&format!("[{name} {text}]"));
            Ok(())
        }

        fn close(&mut self) -> Result<(), String> {
            self.0.push(')');
            Ok(())
        }
    }

    #[test]
    fn a_document_is_read_whole_or_refused() {
        for (text, notes) in [
            ("<?xml version=\"1.0\"?>\n<A x=\"1\"><B>b &amp; &#x63;</B><C/></A>\n", Some("(A [B b & c][C ])")),
            ("<A><!-- no --><![CDATA[<b>]]></A>", Some("[A <b>]")),
            ("<s:A><s:B/></s:A>", Some("(s:A [s:B ])")),
            ("", None),
            ("OK", None),
            ("<A>", None),
            ("<A><B></A></B>", None),
            ("<A></A><B></B", None),
            ("<A>&nbsp;</A>", None),
            ("<A>\u{1}</A>", None),
            ("<A><B x=></B></A>", None),
        ] {
            let read = read::<Notes>(text.as_bytes()).ok().map(|notes| notes.0);
            assert_eq!(read.as_deref(), notes, "{text:?}");
        }
    }

    proptest! {
        /// Documents with a fault anywhere: the scanner accepts none that the tokenizer refuses, and reads the same.
        #[test]
        fn the_scanner_reads_as_the_tokenizer(
            words in prop::collection::vec(prop::sample::select(vec![
                "<A>", "</A>", "<B>", "</B>", "<C/>", "<D e=\"f\">", "</D>", "x", "&amp;", "&#65;", "&", "<", ">", "]]>",
                " ", "\n", "/", "\"", "=", "<!-- -->", "\u{1}", "é",
            ]), 0..14),
        ) {
            let text = words.concat();
            let mut scanned = Notes::default();
            if scan(&text, &mut scanned) == Ok(Ok(())) {
                prop_assert_eq!(answer::check(text.as_bytes()), Ok(()));
                let mut read = Notes::default();
                prop_assert_eq!(tokens(&text, &mut read), Ok(()));
                prop_assert_eq!(scanned, read);
            }
        }
    }
}
