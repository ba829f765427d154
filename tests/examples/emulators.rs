//! Starts the emulators for all test processes of one `tests/run`, each when it is first asked for, and ends
//! with its parent. Prints its address. The protocol is in `flotilla_tests::emulators`.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use flotilla_tests::emulators;

fn main() {
    let parent = rustix::process::getppid();
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a loopback port is free");
    println!("{}", listener.local_addr().expect("a bound socket has an address"));
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // A component that does not start ends this thread alone: the connection closes without an answer.
            thread::spawn(move || answer(stream));
        }
    });
    // The emulators end with this process: the kernel kills them.
    while rustix::process::getppid() == parent {
        thread::sleep(Duration::from_millis(100));
    }
}

fn answer(mut stream: TcpStream) {
    let mut component = String::new();
    if BufReader::new(&stream).read_line(&mut component).is_ok() {
        let fields = emulators::component(component.trim());
        // The test that asked may be gone.
        let _ = writeln!(stream, "{}", serde_json::json!(fields));
    }
}
