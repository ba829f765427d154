//! Keys that other programs have lost, changed or confused.

/// Keys of no great length.
const AWKWARD: &[&str] = &[
    // Slashes: none of them is a separator.
    "/",
    "//",
    "///",
    "/leading",
    "//leading",
    "trailing/",
    "trailing//",
    "a//b",
    "a///b",
    "a/b",
    "in/a",
    "in//a",
    "folder/",
    "folder/below",
    "beside",
    "beside/below",
    "beside-other",
    "beside0",
    // Dots: none of them is a way.
    ".",
    "..",
    "...",
    "./a",
    "../a",
    "a/.",
    "a/..",
    "a/./b",
    "a/../b",
    "a/.../b",
    ".hidden",
    "./",
    "../",
    "a/../../b",
    // Spaces and what looks like one.
    " ",
    "   ",
    " leading",
    "trailing ",
    "two  spaces",
    "\u{a0}",
    "a\u{a0}b",
    "\u{3000}",
    "a\u{3000}b",
    "\u{2028}",
    // What URLs, queries, XML, shells and globs make something of.
    "+",
    "a+b",
    "a b",
    "a%20b",
    "%",
    "%%",
    "100%",
    "%2F",
    "a%2Fb",
    "a%2fb",
    "%25",
    "%00",
    "%zz",
    "a%2",
    "q?x=1&y",
    "x-id=1",
    "?versionId=1",
    "a#b",
    "#",
    "a;b",
    "a,b",
    "a=b",
    "a&b",
    "&amp;",
    "&#x1;",
    "<a>",
    "a<b>&\"c\"",
    "]]>",
    "'",
    "\"",
    "`",
    "\\",
    "a\\b",
    "\\n",
    "*",
    "a*b",
    "?",
    "[a-z]",
    "{a,b}",
    "!",
    "$HOME",
    "~",
    "~/a",
    "|",
    "^",
    "@",
    ":",
    "a:b",
    "(a)",
    // Control characters.
    "\u{1}",
    "a\u{1}b",
    "\u{b}",
    "\u{1f}",
    "\u{7f}",
    "\u{85}",
    "\t",
    "a\tb",
    "\n",
    "a\nb",
    "\r",
    "a\rb",
    "a\r\nb",
    "\n\n",
    // Letters: no case, no form, no width is another's.
    "A",
    "é",
    "e\u{301}",
    "\u{fb01}",
    "fi",
    "ß",
    "ss",
    "中文/文件",
    "\u{200b}",
    "\u{202e}abc",
    "\u{feff}",
    "a\u{feff}",
    // The order of bytes is not that of UTF-16.
    "\u{d7ff}",
    "\u{e000}",
    "\u{ff21}",
    "\u{fffd}",
    "\u{fffe}",
    "\u{ffff}",
    "\u{10000}",
    "\u{10ffff}",
    "😀",
    "😀/😀",
    "👨\u{200d}👩",
    // What programs of this kind call something of their own.
    "None",
    "null",
    "undefined",
    "0",
    "-",
    "--help",
    "index.html",
    "a.versions/b",
    "a/.uploads/b",
    "con",
    "a.",
];

/// Every kind of key that a store which keeps keys exactly can hold, none twice. All can be beside
/// each other.
pub fn awkward() -> Vec<String> {
    let long = [
        "l".repeat(1024),
        format!("{}x", "l/".repeat(511)),
        "/".repeat(1024),
        "\u{e9}".repeat(512),
        "😀".repeat(256),
        format!("{}/n", "n".repeat(256)),
        format!("{}/n", "%".repeat(300)),
    ];
    AWKWARD.iter().map(|key| (*key).to_owned()).chain(long).collect()
}

/// Some more, made of the same pieces by a seed: sorted, none twice, at most 1,024 bytes long.
pub fn generated(count: usize, seed: u64) -> Vec<String> {
    const PIECES: [&str; 28] = [
        "/", "/", "//", ".", "..", " ", "+", "%", "%2F", "&", "<", "\"", "\\", "*", "?", "#", "\u{1}", "\t", "\n",
        "\r", "\u{7f}", "é", "e\u{301}", "\u{e000}", "\u{ffff}", "😀", "a", "B",
    ];
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = move || {
        // xorshift64 (Marsaglia 2003)
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let mut keys = std::collections::BTreeSet::new();
    while keys.len() < count {
        let length = 1 + next() % 12;
        keys.insert((0..length).map(|_| PIECES[(next() % PIECES.len() as u64) as usize]).collect::<String>());
    }
    keys.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_is_there_twice_or_longer_than_a_store_takes() {
        let keys = awkward();
        let different: std::collections::BTreeSet<_> = keys.iter().collect();
        assert_eq!(different.len(), keys.len());
        assert!(keys.iter().all(|key| !key.is_empty() && key.len() <= 1024));
        assert_eq!(generated(500, 1), generated(500, 1));
    }
}
