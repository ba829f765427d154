//! Bodies in the form `aws-chunked`: `LENGTH[;signature]`, CRLF, bytes, CRLF, …, then trailers.

/// Takes the frames away. Trailers are dropped.
#[derive(Debug, Default)]
pub(super) struct Unframe {
    state: State,
    /// A chunk's first line, as far as it has come.
    line: Vec<u8>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    Line,
    Bytes(usize),
    /// So many bytes of the CRLF behind a chunk are left.
    Behind(usize),
    Trailers,
}

impl Unframe {
    /// Hands the bytes within `input` to `take`.
    pub fn add(&mut self, mut input: &[u8], mut take: impl FnMut(&[u8])) {
        while !input.is_empty() {
            match self.state {
                State::Trailers => return,
                State::Line => {
                    self.line.push(input[0]);
                    input = &input[1..];
                    if self.line.ends_with(b"\r\n") {
                        self.state = match length(&self.line) {
                            0 => State::Trailers,
                            length => State::Bytes(length),
                        };
                        self.line.clear();
                    }
                }
                State::Bytes(left) => {
                    let (now, rest) = input.split_at(left.min(input.len()));
                    take(now);
                    input = rest;
                    let left = left - now.len();
                    self.state = if left == 0 { State::Behind(2) } else { State::Bytes(left) };
                }
                State::Behind(left) => {
                    input = &input[1..];
                    self.state = if left == 1 { State::Line } else { State::Behind(left - 1) };
                }
            }
        }
    }
}

/// The length in a chunk's first line. An invalid one ends the body, which then has the wrong length.
fn length(line: &[u8]) -> usize {
    let text = String::from_utf8_lossy(line);
    usize::from_str_radix(text.split([';', '\r']).next().unwrap_or_default(), 16).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_taken_away_wherever_the_input_is_cut() {
        let framed = b"5;chunk-signature=x\r\nhello\r\n6\r\n world\r\n0\r\nx-amz-checksum-crc32:AAAA\r\n\r\n";
        for cut in 1..framed.len() {
            let (mut unframe, mut body) = (Unframe::default(), Vec::new());
            for input in framed.chunks(cut) {
                unframe.add(input, |bytes| body.extend_from_slice(bytes));
            }
            assert_eq!(body, b"hello world", "{cut}");
        }
    }
}
