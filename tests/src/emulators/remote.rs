//! Emulators that all test processes of one `tests/run` share.
//!
//! `tests/run` starts the program `emulators` (`tests/examples/emulators.rs`) and names its address in
//! [`ADDRESS`]. A test process connects, writes the name of a component and a newline, and reads one line:
//! a JSON list of what its user must know. The program starts the component on the first such request.
//! Without the variable each test process starts its own.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;

/// The environment variable with the address, `127.0.0.1:PORT`.
pub const ADDRESS: &str = "FLOTILLA_TEST_EMULATORS";

/// The answer of the program for `component`; `None` if no such program runs.
///
/// # Panics
/// If the program does not answer: its own output says why.
pub fn ask<const FIELDS: usize>(component: &str) -> Option<[String; FIELDS]> {
    let address = std::env::var(ADDRESS).ok()?;
    let ask = || -> std::io::Result<String> {
        // Without a time limit: the program waits for the component, and has a limit for that.
        let mut stream = TcpStream::connect(&address)?;
        writeln!(stream, "{component}")?;
        let mut answer = String::new();
        BufReader::new(stream).read_line(&mut answer)?;
        Ok(answer)
    };
    let answer = ask().unwrap_or_else(|error| panic!("emulators at {address}: {error}"));
    let fields: Vec<String> = serde_json::from_str(&answer)
        .unwrap_or_else(|_| panic!("emulators at {address} cannot start {component}: see its own output"));
    Some(fields.try_into().unwrap_or_else(|fields| panic!("emulators at {address}: {component} is {fields:?}")))
}
