//! Copies over TLS, by the SDK's HTTP client and by that of `FLOTILLA_TCP_CONGESTION`.

use std::collections::BTreeMap;
use std::time::Duration;

use flotilla_tests::binaries::{self, Ended, Process};
use flotilla_tests::cloud::{Cloud, Profile};
use flotilla_tests::emulators::{ACCESS_KEY, SECRET_KEY, credentials_file, fresh_folder};
use flotilla_tests::tls::{AUTHORITY, OTHER_AUTHORITY, TlsEndpoint};

use crate::support::{MIB, content};

const LIMIT: Duration = Duration::from_secs(120);

const VARIABLE: &str = "FLOTILLA_TCP_CONGESTION";

/// One is copied whole, the other in parts.
const OBJECTS: [(&str, usize); 2] = [("whole", 1_000), ("parts", 6 * MIB)];
const CUT: [&str; 4] = ["--multipart-threshold", "5MiB", "--part-size", "5MiB"];

/// Two stores, which are reached over TLS.
struct Stores {
    clouds: [Cloud; 2],
    endpoints: [TlsEndpoint; 2],
    buckets: [String; 2],
}

impl Stores {
    async fn start() -> Stores {
        let clouds = [Cloud::start(Profile::AMAZON).await, Cloud::start(Profile::AMAZON).await];
        let endpoints = [TlsEndpoint::start(&clouds[0].endpoint).await, TlsEndpoint::start(&clouds[1].endpoint).await];
        let buckets = [clouds[0].create_bucket("source"), clouds[1].create_bucket("destination")];
        for (key, size) in OBJECTS {
            clouds[0].put(&buckets[0], key, content(key, size));
        }
        Stores { clouds, endpoints, buckets }
    }

    /// Copies from the first store to the second one with this congestion control (empty: the kernel's own), by a
    /// program that trusts this authority alone.
    async fn sync(&self, congestion: &str, authority: &str) -> Ended {
        let trusted = fresh_folder("trusted").join("authority.pem");
        std::fs::write(&trusted, authority).expect("a file");
        let keys = format!("file:{}", credentials_file(ACCESS_KEY, SECRET_KEY).display());
        let mut arguments = vec!["sync".to_owned()];
        arguments.extend(self.buckets.iter().map(|bucket| format!("s3://{bucket}")));
        for (side, endpoint) in ["source", "destination"].into_iter().zip(&self.endpoints) {
            arguments.extend([format!("--{side}-endpoint-url"), endpoint.endpoint.clone()]);
            arguments.extend([format!("--{side}-credentials"), keys.clone()]);
            arguments.extend([format!("--{side}-region"), "us-east-1".to_owned()]);
        }
        arguments.extend(["--state".to_owned(), fresh_folder("state").display().to_string()]);
        arguments.extend(CUT.map(str::to_owned));
        let env = [("SSL_CERT_FILE", trusted.display().to_string()), (VARIABLE, congestion.to_owned())];
        Process::start(&binaries::flotilla(), arguments, env).wait(LIMIT).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_arrive_over_tls_with_each_congestion_control() {
    // Each kernel has and allows reno. The last one does not exist, which costs a warning of the variable's own client.
    for congestion in ["", "reno", "none-such"] {
        let stores = Stores::start().await;
        let ended = stores.sync(congestion, AUTHORITY).await;
        assert_eq!(ended.code, Some(0), "{congestion:?}: {}", ended.stderr);
        for (key, size) in OBJECTS {
            let object = stores.clouds[1].object(&stores.buckets[1], key);
            assert!(object.is_some_and(|object| object.bytes == content(key, size)), "{congestion:?}: {key}");
        }
        assert_eq!(ended.stderr.contains(VARIABLE), congestion == "none-such", "{congestion:?}: {}", ended.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_is_not_trusted_is_one_line() {
    for congestion in ["", "reno"] {
        let stores = Stores::start().await;
        let ended = stores.sync(congestion, OTHER_AUTHORITY).await;
        assert_eq!((ended.code, ended.stderr.lines().count()), (Some(2), 1), "{congestion:?}: {}", ended.stderr);
        let remedy = "this machine does not trust the endpoint's certificate";
        assert!(ended.stderr.contains(remedy), "{congestion:?}: {}", ended.stderr);
        for cloud in &stores.clouds {
            assert_eq!(cloud.counts(), BTreeMap::new(), "{congestion:?}: no request was sent");
        }
    }
}
