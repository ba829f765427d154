//! Names of workers.

/// A name that no other worker ever has: `name`, or host and process, with a UUID. A process id comes again, and so do
/// the host names of containers.
pub fn unique(name: Option<&str>) -> String {
    let id = uuid::Uuid::now_v7().simple();
    match name {
        Some(name) => format!("{name}-{id}"),
        None => format!("{}-{id}", host_and_process()),
    }
}

/// The host's name and the process id.
pub fn host_and_process() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = if host.trim().is_empty() { "worker" } else { host.trim() };
    format!("{host}-{}", std::process::id())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_workers_of_one_process_have_two_names() {
        assert_ne!(unique(None), unique(None));
        let named = unique(Some("blue"));
        assert!(named.starts_with("blue-") && named != unique(Some("blue")), "{named}");
    }
}
