//! Real components on free loopback ports, one of each kind per test process, ended with it.

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
