//! A server that answers every request with the same prepared bytes: nearly all the time is the client's.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

/// Starts a server on this machine, and returns its URL. It ends with the process. Requests must have no bodies.
pub fn serve(answer: Vec<u8>) -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
    let address = listener.local_addr().expect("the listener has an address");
    let answer = Arc::new(answer);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answer = answer.clone();
            thread::spawn(move || serve_connection(stream, &answer));
        }
    });
    format!("http://{address}")
}

/// Answers the requests of a connection, one after the other, until the client closes it.
fn serve_connection(mut stream: TcpStream, answer: &[u8]) {
    stream.set_nodelay(true).expect("the connection is open");
    let (mut request, mut buffer) = (Vec::new(), [0; 4096]);
    while let Ok(bytes @ 1..) = stream.read(&mut buffer) {
        request.extend_from_slice(&buffer[..bytes]);
        if request.ends_with(b"\r\n\r\n") {
            request.clear();
            if stream.write_all(answer).is_err() {
                return;
            }
        }
    }
}
