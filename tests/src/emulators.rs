//! Real components on free loopback ports.
//!
//! Each starts when a test first asks for it. In a run of `tests/run` all test processes share them
//! (`remote`), and they end with that run; else each test process has its own, and they end with it.
//! They are installed by `tests/run`.

mod clients;
pub(crate) mod folder;
mod garage;
pub(crate) mod keeper;
mod programs;
mod remote;
mod service;

pub use clients::{REGION, connection, credentials_file, s3_client, sdk_config, side, side_as, unique_name};
pub use folder::fresh as fresh_folder;
pub use garage::{Garage, garage};
pub use programs::find as program;

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use service::{Service, start};
use shared::sync::lock;

/// An emulator of Amazon's services.
#[derive(Debug)]
pub struct Emulator {
    /// Base URL, `http://127.0.0.1:PORT`.
    pub endpoint: String,
}

/// SeaweedFS with two S3 gateways over the same data.
#[derive(Debug)]
pub struct Weed {
    /// Base URL of the first gateway.
    pub endpoint: String,
    /// Base URL of the second gateway.
    pub second_endpoint: String,
}

/// The access key that all of them take.
pub const ACCESS_KEY: &str = "flotilla-test";
/// Its secret.
pub const SECRET_KEY: &str = "flotilla-test-secret";
/// An access key that may read and list at [`weed`], and nothing else.
pub const READ_ONLY_KEY: &str = "flotilla-reader";
/// Its secret.
pub const READ_ONLY_SECRET: &str = "flotilla-reader-secret";

/// How many ministacks, and how many motos, share the work of all test processes: each is one Python process, which
/// answers one request at a time.
const OF_EACH: usize = 2;

/// How long a component that served may answer nothing.
const BUSY: Duration = Duration::from_secs(60);

/// The paths by which they say that they serve.
const MINISTACK_HEALTH: &str = "/_ministack/health";
const MOTO_HEALTH: &str = "/moto-api/";

/// SeaweedFS, for S3.
pub fn weed() -> &'static Weed {
    static WEED: OnceLock<Weed> = OnceLock::new();
    WEED.get_or_init(|| {
        let [endpoint, second_endpoint] = remote::ask("weed").unwrap_or_else(start_weed);
        Weed { endpoint, second_endpoint }
    })
}

/// ministack, for SQS, DynamoDB, Secrets Manager and others. It checks no signatures. A test process has one.
pub fn ministack() -> &'static Emulator {
    static MINISTACK: OnceLock<Emulator> = OnceLock::new();
    MINISTACK.get_or_init(|| {
        let [endpoint] = remote::ask("ministack").unwrap_or_else(start_ministack);
        Emulator { endpoint }
    })
}

/// moto's server, a second opinion on Amazon's services. It checks no signatures.
pub fn moto() -> &'static Emulator {
    static MOTO: OnceLock<Emulator> = OnceLock::new();
    MOTO.get_or_init(|| {
        let [endpoint] = remote::ask("moto").unwrap_or_else(start_moto);
        Emulator { endpoint }
    })
}

/// What the user of a component must know, for a test process that asks for it. Starts it, unless this process has one
/// that serves; of ministack and moto there are a few, in turn.
///
/// # Panics
/// If it does not serve, or there is no such component.
pub fn component(name: &str) -> Vec<String> {
    static WEED: Kept<2> = Kept::new(start_weed, "/healthz");
    static MINISTACK: [Kept<1>; OF_EACH] = [const { Kept::new(start_ministack, MINISTACK_HEALTH) }; OF_EACH];
    static MOTO: [Kept<1>; OF_EACH] = [const { Kept::new(start_moto, MOTO_HEALTH) }; OF_EACH];
    static GARAGE: OnceLock<[String; 5]> = OnceLock::new();
    static TURNS: [AtomicUsize; 2] = [const { AtomicUsize::new(0) }; 2];
    let next = |of: usize| TURNS[of].fetch_add(1, Ordering::Relaxed) % OF_EACH;
    match name {
        "weed" => WEED.get(),
        "ministack" => MINISTACK[next(0)].get(),
        "moto" => MOTO[next(1)].get(),
        "garage" => GARAGE.get_or_init(garage::start_garage).to_vec(),
        _ => panic!("there is no component {name:?}"),
    }
}

/// A component that is started when it is first asked for, and once more if it no longer answers: else whatever has
/// stopped it would fail each later try of each test.
struct Kept<const ENDPOINTS: usize> {
    start: fn() -> [String; ENDPOINTS],
    /// The path by which its endpoints say that they serve.
    health: &'static str,
    /// How long it may answer nothing: it is busy.
    busy: Duration,
    started: Mutex<Option<[String; ENDPOINTS]>>,
}

impl<const ENDPOINTS: usize> Kept<ENDPOINTS> {
    const fn new(start: fn() -> [String; ENDPOINTS], health: &'static str) -> Self {
        Kept { start, health, busy: BUSY, started: Mutex::new(None) }
    }

    fn get(&self) -> Vec<String> {
        let mut started = lock(&self.started);
        let kept = started.take().filter(|endpoints| {
            let dead = endpoints.iter().find(|endpoint| !service::serves(endpoint, self.health, self.busy));
            if let Some(dead) = dead {
                eprintln!("{dead} does not answer any more: starting another one");
            }
            dead.is_none()
        });
        started.insert(kept.unwrap_or_else(self.start)).to_vec()
    }
}

fn start_weed() -> [String; 2] {
    let identities = identities_file();
    let [.., filer, filer_grpc, first, _] = start(|ports| weed_server(ports, &identities));
    let [second, _] = start(|ports| weed_gateway(ports, [filer, filer_grpc], &identities));
    [url(first), url(second)]
}

fn start_ministack() -> [String; 1] {
    let [port] = start(|[port]| Service {
        program: "ministack",
        args: vec![],
        env: vec![
            ("BIND_HOST", "127.0.0.1".into()),
            ("GATEWAY_PORT", port.to_string()),
            // It would listen on all interfaces, on one fixed port.
            ("IOT_MTLS_ENABLED", "0".into()),
        ],
        ready: vec![(port, MINISTACK_HEALTH)],
    });
    [url(port)]
}

fn start_moto() -> [String; 1] {
    let [port] = start(|[port]| Service {
        program: "moto_server",
        args: words(&format!("-H 127.0.0.1 -p {port}")),
        env: vec![],
        ready: vec![(port, MOTO_HEALTH)],
    });
    [url(port)]
}

fn weed_server(ports: [u16; 8], identities: &str) -> Service {
    let [master, master_grpc, volume, volume_grpc, filer, filer_grpc, s3, s3_grpc] = ports;
    Service {
        program: "weed",
        args: words_and(
            &format!(
                "-logtostderr=true server -dir . -ip 127.0.0.1 -ip.bind 127.0.0.1 \
             -master.port {master} -master.port.grpc {master_grpc} -master.electionTimeout 1s \
             -master.telemetry=false -master.volumeSizeLimitMB 64 \
             -volume.port {volume} -volume.port.grpc {volume_grpc} -volume.max 10000 \
             -filer -filer.port {filer} -filer.port.grpc {filer_grpc} \
             -s3 -s3.port {s3} -s3.port.grpc {s3_grpc} -s3.port.iceberg 0 -s3.port.lance 0 \
             -s3.iam=false -s3.config"
            ),
            identities,
        ),
        // A bucket starts with this many volumes: by default 7, which hundreds of buckets would feel.
        env: vec![("WEED_MASTER_VOLUME_GROWTH_COPY_1", "1".into())],
        ready: vec![(master, "/dir/assign"), (s3, "/healthz")],
    }
}

fn weed_gateway([s3, s3_grpc]: [u16; 2], [filer, filer_grpc]: [u16; 2], identities: &str) -> Service {
    Service {
        program: "weed",
        args: words_and(
            &format!(
                "-logtostderr=true s3 -ip.bind 127.0.0.1 -filer 127.0.0.1:{filer}.{filer_grpc} \
             -port {s3} -port.grpc {s3_grpc} -port.iceberg 0 -port.lance 0 -iam=false -config"
            ),
            identities,
        ),
        env: vec![],
        ready: vec![(s3, "/healthz")],
    }
}

fn identities_file() -> String {
    let identities = serde_json::json!({"identities": [
        {"name": "all", "actions": ["Admin", "Read", "List", "Tagging", "Write"],
         "credentials": [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}]},
        {"name": "reader", "actions": ["Read", "List"],
         "credentials": [{"accessKey": READ_ONLY_KEY, "secretKey": READ_ONLY_SECRET}]},
    ]});
    let path = folder::fresh("identities").join("s3.json");
    fs::write(&path, identities.to_string()).expect("the temporary folder must be writable");
    path.to_str().expect("the temporary folder's name is UTF-8").to_owned()
}

fn words(line: &str) -> Vec<String> {
    line.split_ascii_whitespace().map(str::to_owned).collect()
}

// A path may hold spaces.
fn words_and(line: &str, path: &str) -> Vec<String> {
    words(line).into_iter().chain([path.to_owned()]).collect()
}

fn url(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;

    /// A component that answers this often, and then no more.
    fn start_mortal(answers: usize) -> [String; 1] {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a loopback port is free");
        let port = listener.local_addr().expect("a bound socket has an address").port();
        std::thread::spawn(move || {
            for mut stream in listener.incoming().take(answers).flatten() {
                let _ = stream.read(&mut [0; 1024]);
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
            }
        });
        [url(port)]
    }

    #[test]
    fn a_component_that_no_longer_answers_is_started_again() {
        let kept = Kept { busy: Duration::ZERO, ..Kept::new(|| start_mortal(1), "/") };
        let first = kept.get();
        assert_eq!(kept.get(), first, "it serves");
        let second = kept.get();
        assert_ne!(second, first, "it has stopped");
        assert_eq!(kept.get(), second);
    }
}
