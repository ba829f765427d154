//! Garage, where the machine has one: `FLOTILLA_GARAGE` names its binary (version 1 or newer).

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use shared::config::Side;

use super::clients::{side_as, unique_name};
use super::service::{Service, start};
use super::{folder, remote, url};

/// The region of its quick start, by which it is recognised.
const GARAGE_REGION: &str = "garage";

/// One node of Garage with one key.
#[derive(Debug)]
pub struct Garage {
    endpoint: String,
    program: String,
    config: String,
    access_key: String,
    secret_key: String,
}

/// Garage, for S3.
///
/// # Panics
/// If `FLOTILLA_GARAGE` does not name a Garage that serves.
pub fn garage() -> &'static Garage {
    static GARAGE: OnceLock<Garage> = OnceLock::new();
    GARAGE.get_or_init(|| {
        let fields = remote::ask("garage").unwrap_or_else(start_garage);
        let [endpoint, program, config, access_key, secret_key] = fields;
        Garage { endpoint, program, config, access_key, secret_key }
    })
}

/// Starts it; the fields of [`Garage`] in their order.
pub(super) fn start_garage() -> [String; 5] {
    let program = std::env::var("FLOTILLA_GARAGE").expect("FLOTILLA_GARAGE names the garage binary");
    let home = folder::fresh("garage-data");
    let config = home.join("garage.toml").display().to_string();
    let [_, s3, _] = start(|ports| {
        fs::write(&config, settings(&home, ports)).expect("the temporary folder must be writable");
        Service {
            program: String::leak(program.clone()),
            args: ["-c", &config, "server"].map(str::to_owned).to_vec(),
            env: vec![],
            ready: vec![(ports[2], "/metrics")],
        }
    });
    let mut garage =
        Garage { endpoint: url(s3), program, config, access_key: String::new(), secret_key: String::new() };
    let node = garage.run(&["node", "id", "-q"]);
    let node = node.split('@').next().unwrap_or_default();
    garage.run(&["layout", "assign", "-z", "test", "-c", "10G", node]);
    garage.run(&["layout", "apply", "--version", "1"]);
    let key = garage.run(&["key", "create", "test"]);
    let field = |name: &str| {
        let line = key.lines().find_map(|line| line.trim().strip_prefix(name));
        line.unwrap_or_else(|| panic!("no {name:?} in {key}")).trim().to_owned()
    };
    (garage.access_key, garage.secret_key) = (field("Key ID:"), field("Secret key:"));
    [garage.endpoint, garage.program, garage.config, garage.access_key, garage.secret_key]
}

impl Garage {
    /// A side at a fresh bucket.
    pub fn fresh_side(&self, prefix: &str) -> Side {
        let bucket = unique_name("store");
        self.run(&["bucket", "create", &bucket]);
        self.run(&["bucket", "allow", "--read", "--write", "--owner", &bucket, "--key", "test"]);
        self.side(&bucket, prefix)
    }

    /// A side at a bucket that need not exist.
    pub fn side(&self, bucket: &str, prefix: &str) -> Side {
        let mut side = side_as(&self.endpoint, bucket, prefix, &self.access_key, &self.secret_key);
        side.connection.region = Some(GARAGE_REGION.to_owned());
        side
    }

    fn run(&self, arguments: &[&str]) -> String {
        let output = Command::new(&self.program).args(["-c", &self.config]).args(arguments).output();
        let output = output.unwrap_or_else(|error| panic!("{} cannot be run: {error}", self.program));
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "garage {arguments:?}: {error}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

fn settings(home: &Path, [rpc, s3, admin]: [u16; 3]) -> String {
    let (home, secret) = (home.display(), "0123456789abcdef".repeat(4));
    format!(
        "metadata_dir = \"{home}/meta\"\ndata_dir = \"{home}/data\"\ndb_engine = \"sqlite\"\nreplication_factor = 1\n\
         rpc_bind_addr = \"127.0.0.1:{rpc}\"\nrpc_public_addr = \"127.0.0.1:{rpc}\"\nrpc_secret = \"{secret}\"\n\
         [s3_api]\ns3_region = \"{GARAGE_REGION}\"\napi_bind_addr = \"127.0.0.1:{s3}\"\nroot_domain = \".s3.garage.test\"\n\
         [admin]\napi_bind_addr = \"127.0.0.1:{admin}\"\n"
    )
}
