//! Starting a component and waiting until it serves.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use super::{folder, keeper, programs};

/// How long a component may take to serve: 4 s on an idle machine, much longer on a crowded one.
const READY: Duration = Duration::from_secs(120);
/// Starts tried, each on new ports: another process may take a port between choice and use.
const STARTS: u32 = 3;
/// How much of a log a panic shows, bytes.
const TAIL: usize = 2000;

/// A program to run on some ports.
pub struct Service {
    /// File name of the program, which also names its log.
    pub program: &'static str,
    /// Arguments.
    pub args: Vec<String>,
    /// Environment, in addition to this process's.
    pub env: Vec<(&'static str, String)>,
    /// The service is ready when all of these answer 200: port and path.
    pub ready: Vec<(u16, &'static str)>,
}

/// Starts what `service` describes for fresh ports, and waits until it serves.
///
/// # Panics
/// If it does not, with the end of its log.
pub fn start<const PORTS: usize>(describe: impl Fn([u16; PORTS]) -> Service) -> [u16; PORTS] {
    let mut failure = String::new();
    for _ in 0..STARTS {
        let ports = std::array::from_fn(|_| free_port());
        match try_start(&describe(ports)) {
            Ok(()) => return ports,
            Err(message) => failure = message,
        }
    }
    panic!("{failure}")
}

fn try_start(service: &Service) -> Result<(), String> {
    let name = service.program;
    let home = folder::fresh(name.rsplit('/').next().unwrap_or_default());
    let log = home.join("log");
    let mut child = launch(service, &home, &log).map_err(|e| format!("{name} cannot be started: {e}"))?;
    let started = Instant::now();
    loop {
        if service.ready.iter().all(|(port, path)| answers(*port, path)) {
            return Ok(());
        }
        let ended = child.try_wait().map_err(|e| e.to_string())?;
        if ended.is_some() || started.elapsed() > READY {
            let _ = child.kill();
            let _ = child.wait();
            let what = ended.map_or(format!("does not serve after {} s", READY.as_secs()), |s| format!("ended: {s}"));
            return Err(format!("{name} {what}; the end of {}:\n{}", log.display(), tail(&log)));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn launch(service: &Service, home: &PathBuf, log: &PathBuf) -> io::Result<Child> {
    let mut command = keeper::command(&programs::find(service.program));
    let out = File::create(log)?;
    command.args(&service.args).envs(service.env.iter().map(|(k, v)| (k, v)));
    command.current_dir(home).env("HOME", home).env("TMPDIR", home);
    command.stdin(Stdio::null()).stderr(out.try_clone()?).stdout(out);
    keeper::spawn(command)
}

// Below the range that kernels take ports of outgoing connections from, so that none of those takes
// it between this look and the service's start.
fn free_port() -> u16 {
    const FIRST: u16 = 10_000;
    const COUNT: u16 = 20_000;
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Processes that run at the same time start far from each other.
    let start = (u64::from(std::process::id()) * 131 % u64::from(COUNT)) as u16;
    (0..COUNT)
        .map(|_| FIRST + (start + NEXT.fetch_add(1, Ordering::Relaxed) % COUNT) % COUNT)
        .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .expect("some port of 20,000 is free")
}

/// Whether a component serves at `http://127.0.0.1:PORT`, at the latest when it has been `busy` for so long.
pub fn serves(endpoint: &str, path: &str, busy: Duration) -> bool {
    let port = endpoint.rsplit(':').next().and_then(|port| port.parse().ok());
    let began = Instant::now();
    port.is_some_and(|port| {
        while !answers(port, path) {
            if began.elapsed() >= busy {
                return false;
            }
            std::thread::sleep(Duration::from_millis(200));
        }
        true
    })
}

fn answers(port: u16, path: &str) -> bool {
    let ask = || -> io::Result<bool> {
        let limit = Duration::from_secs(2);
        let mut stream = TcpStream::connect_timeout(&SocketAddr::from(([127, 0, 0, 1], port)), limit)?;
        stream.set_read_timeout(Some(limit))?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n")?;
        let mut start = [0; 12];
        stream.read_exact(&mut start)?;
        Ok(start.ends_with(b" 200"))
    };
    ask().unwrap_or(false)
}

fn tail(log: &PathBuf) -> String {
    let bytes = fs::read(log).unwrap_or_default();
    String::from_utf8_lossy(&bytes[bytes.len().saturating_sub(TAIL)..]).into_owned()
}
