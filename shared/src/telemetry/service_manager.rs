//! Reports to the service manager that started this program (systemd, `Type=notify`): it is ready, it stops, it is
//! not stuck.
//!
//! The manager names a socket in `NOTIFY_SOCKET`; without it nothing happens. A datagram that cannot be sent is lost: the
//! next one follows at its time, and a manager that misses `READY=1` or the watchdog starts the program anew.

use std::env;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use super::endpoint::Health;

/// How often the program's health is read. A start is seen this late.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// The manager's socket.
struct Manager {
    socket: UnixDatagram,
    address: SocketAddr,
    /// How often the watchdog gets a report; `None`: there is no watchdog.
    watchdog: Option<Duration>,
}

/// Reports this program's health to its service manager, if it has one, until the process ends.
pub fn report(health: &Health) {
    let Some(manager) = Manager::of(env::var("NOTIFY_SOCKET").ok(), env::var("WATCHDOG_USEC").ok()) else { return };
    tokio::spawn(keep_reporting(manager, health.clone()));
}

impl Manager {
    /// A name that begins with `@` is in the abstract namespace.
    fn of(name: Option<String>, watchdog_usec: Option<String>) -> Option<Manager> {
        let name = name.filter(|name| !name.is_empty())?;
        let address = match name.strip_prefix('@') {
            Some(name) => SocketAddr::from_abstract_name(name),
            None => SocketAddr::from_pathname(&name),
        };
        let socket = UnixDatagram::unbound().and_then(|socket| socket.set_nonblocking(true).map(|()| socket));
        // Twice in the time that the manager waits.
        let watchdog = watchdog_usec.and_then(|time| time.parse().ok()).map(|time| Duration::from_micros(time) / 2);
        Some(Manager { socket: socket.ok()?, address: address.ok()?, watchdog })
    }

    fn send(&self, state: &str) {
        if let Err(error) = self.socket.send_to_addr(state.as_bytes(), &self.address) {
            tracing::debug!(%error, state, "could not report to the service manager");
        }
    }
}

async fn keep_reporting(manager: Manager, health: Health) {
    let mut tick = interval(LOOK_EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut was_up = false;
    let mut quiet = Duration::MAX;
    loop {
        tick.tick().await;
        let is_up = health.is_up();
        if is_up != was_up {
            manager.send(if is_up { "READY=1" } else { "STOPPING=1" });
            was_up = is_up;
        }
        quiet = quiet.saturating_add(LOOK_EVERY);
        // A program that is stuck says nothing, and is started anew.
        if manager.watchdog.is_some_and(|every| quiet >= every) && health.is_alive() {
            manager.send("WATCHDOG=1");
            quiet = Duration::ZERO;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

    use super::*;

    fn received(socket: &UnixDatagram) -> Vec<String> {
        let mut states = Vec::new();
        let mut buffer = [0; 64];
        while let Ok(length) = socket.recv(&mut buffer) {
            states.push(String::from_utf8_lossy(&buffer[..length]).into_owned());
        }
        states
    }

    #[tokio::test(start_paused = true)]
    async fn readiness_stop_and_life_are_reported() {
        let folder = tempfile::tempdir().unwrap();
        let name = folder.path().join("socket");
        let socket = UnixDatagram::bind(&name).unwrap();
        socket.set_nonblocking(true).unwrap();
        let manager = Manager::of(Some(name.to_str().unwrap().to_owned()), Some("4000000".to_owned())).unwrap();
        let health = Health::default();
        let alive = Arc::new(AtomicBool::new(true));
        let is_alive = alive.clone();
        health.judge_alive(move || is_alive.load(Relaxed));
        tokio::spawn(keep_reporting(manager, health.clone()));

        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(received(&socket), ["WATCHDOG=1"], "it is not ready yet");
        health.set_ready(true);
        health.store_fails("source", "timed out");
        tokio::time::sleep(Duration::from_secs(8)).await;
        let states = received(&socket);
        assert_eq!(states[0], "READY=1", "also while a store fails");
        assert_eq!(states[1..].len(), 4, "twice in 4 s: {states:?}");
        alive.store(false, Relaxed);
        tokio::time::sleep(Duration::from_secs(8)).await;
        assert!(received(&socket).is_empty(), "a program that is stuck says nothing");
        health.set_ready(false);
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(received(&socket), ["STOPPING=1"]);
    }

    #[tokio::test]
    async fn an_abstract_socket_is_understood() {
        let name = format!("flotilla-test-{}", std::process::id());
        let socket = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
        socket.set_nonblocking(true).unwrap();
        let manager = Manager::of(Some(format!("@{name}")), None).unwrap();
        assert!(manager.watchdog.is_none());
        manager.send("READY=1");
        assert_eq!(received(&socket), ["READY=1"]);
        assert!(Manager::of(None, None).is_none() && Manager::of(Some(String::new()), None).is_none());
    }
}
