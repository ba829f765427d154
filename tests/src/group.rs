//! A stand-in for an Auto Scaling group. Its machines are processes on this machine.
//!
//! It answers the calls that Flotilla makes, in the SDK's own format, and does what the group does between them: it
//! starts machines until there are as many as it wants, replaces those that are lost, ends unprotected ones if it has
//! too many, and waits for the hook before a machine goes. Settings say how long a machine boots, and how long more
//! than a few machines are not to be had. It checks no signatures.

mod answers;
mod machine;
mod server;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use crate::binaries::Process;
use crate::server::Server;
use machine::{Machine, Phase};

/// How often the group looks at its machines.
const TICK: Duration = Duration::from_millis(50);

/// Starts the process of a machine, by its id and the address of its metadata service.
pub type Start = Box<dyn Fn(&str, &str) -> Process + Send + Sync>;

/// What differs from group to group.
#[derive(Debug, Clone)]
pub struct GroupSettings {
    /// Its name.
    pub name: String,
    /// Most machines. The fewest are 0.
    pub max: u32,
    /// From the launch of a machine to the start of its process.
    pub boot: Duration,
    /// From the start of a machine's process until the machine is in service. Until then it cannot be protected.
    pub pending: Duration,
    /// Machines that are to be had at first.
    pub first_capacity: usize,
    /// How long after the first launch there are no more than these.
    pub scarce: Duration,
    /// How long a machine that goes may wait for its hook, from the last heartbeat of the hook.
    pub hook_limit: Duration,
    /// From a spot notice to the machine's end.
    pub notice: Duration,
}

/// What a group did.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Summary {
    /// Machines launched.
    pub launched: usize,
    /// Most machines that counted towards the desired number at one moment. Auto Scaling replaces a machine while it
    /// terminates, and bounds only the others.
    pub peak: usize,
    /// Launches that were refused because there was no capacity.
    pub refused: usize,
    /// Machines that went because their hook was not completed in time.
    pub hooks_expired: usize,
    /// Hooks whose time was over if their machines had not begun it anew.
    pub hooks_prolonged: usize,
    /// Machines that ended themselves.
    pub ended_themselves: usize,
    /// Protections that were refused because the machine was not in service yet.
    pub protections_refused: usize,
    /// Seconds of all machines, from launch to end.
    pub machine_seconds: f64,
    /// Of these, the seconds from the start of the process until the machine began to go.
    pub served_seconds: f64,
}

/// A group. It lives on the runtime it was started on; dropped, it ends with its machines.
#[derive(Debug)]
pub struct Group {
    /// Base URL, `http://127.0.0.1:PORT`.
    pub endpoint: String,
    shared: Arc<Shared>,
    _server: Server,
    looking: JoinHandle<()>,
}

struct Shared {
    settings: GroupSettings,
    start: Start,
    state: Mutex<State>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Shared").field("settings", &self.settings).finish_non_exhaustive()
    }
}

#[derive(Debug, Default)]
struct State {
    desired: u32,
    machines: Vec<Machine>,
    first_launch: Option<Instant>,
    summary: Summary,
}

impl Group {
    /// Starts a group that wants no machines yet.
    pub async fn start(settings: GroupSettings, start: Start) -> Group {
        let shared = Arc::new(Shared { settings, start, state: Mutex::default() });
        let server = server::start(Arc::clone(&shared)).await;
        let looking = tokio::spawn(look(Arc::clone(&shared)));
        Group { endpoint: server.endpoint.clone(), shared, _server: server, looking }
    }

    /// Machines that the group wants.
    pub async fn desired(&self) -> u32 {
        self.shared.state.lock().await.desired
    }

    /// Wants this many machines, as somebody who sets it by hand.
    pub async fn set_desired(&self, desired: u32) {
        self.shared.state.lock().await.desired = desired;
    }

    /// The ids of the machines in service.
    pub async fn in_service(&self) -> Vec<String> {
        let state = self.shared.state.lock().await;
        let in_service = state.machines.iter().filter(|machine| machine.phase == Phase::InService);
        in_service.map(|machine| machine.id.clone()).collect()
    }

    /// The ids of the machines in service that are protected.
    pub async fn protected(&self) -> Vec<String> {
        let state = self.shared.state.lock().await;
        let is_protected = |machine: &&Machine| machine.phase == Phase::InService && machine.is_protected;
        state.machines.iter().filter(is_protected).map(|machine| machine.id.clone()).collect()
    }

    /// Machines that are not gone, in whatever phase.
    pub async fn machines(&self) -> usize {
        self.shared.state.lock().await.present()
    }

    /// Sends a machine the notice of its spot interruption.
    pub async fn interrupt(&self, id: &str) {
        let mut state = self.shared.state.lock().await;
        let (now, notice) = (Instant::now(), self.shared.settings.notice);
        state.machine(id).expect("the group has the machine").interrupt(now, now + notice);
    }

    /// Ends a machine by its hook, as somebody who ends it by hand. Protection does not hold that up.
    pub async fn terminate(&self, id: &str) {
        let mut state = self.shared.state.lock().await;
        state.machine(id).expect("the group has the machine").go(Instant::now(), &self.shared.settings);
    }

    /// Ends a machine at once, without a notice.
    pub async fn crash(&self, id: &str) {
        let mut state = self.shared.state.lock().await;
        state.machine(id).expect("the group has the machine").end(Instant::now());
    }

    /// What the group did so far.
    pub async fn summary(&self) -> Summary {
        let state = self.shared.state.lock().await;
        let now = Instant::now();
        let seconds = |of: fn(&Machine, Instant) -> Duration| {
            state.machines.iter().map(|machine| of(machine, now).as_secs_f64()).sum::<f64>()
        };
        let (machine_seconds, served_seconds) = (seconds(Machine::lived), seconds(Machine::served));
        Summary { machine_seconds, served_seconds, ..state.summary.clone() }
    }

    /// What the machines wrote to standard error, by machine.
    pub async fn logs(&self) -> Vec<String> {
        let state = self.shared.state.lock().await;
        let log = |machine: &Machine| format!("{}: {}", machine.id, machine.log());
        state.machines.iter().map(log).collect()
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.looking.abort();
    }
}

async fn look(shared: Arc<Shared>) {
    loop {
        let mut state = shared.state.lock().await;
        state.step(&shared).await;
        drop(state);
        sleep(TICK).await;
    }
}

impl State {
    fn machine(&mut self, id: &str) -> Option<&mut Machine> {
        self.machines.iter_mut().find(|machine| machine.id == id)
    }

    fn present(&self) -> usize {
        self.machines.iter().filter(|machine| machine.phase != Phase::Gone).count()
    }

    /// Machines that count towards the desired number.
    fn staying(&self) -> usize {
        self.machines.iter().filter(|machine| matches!(machine.phase, Phase::Pending | Phase::InService)).count()
    }

    async fn step(&mut self, shared: &Shared) {
        let (settings, now) = (&shared.settings, Instant::now());
        for machine in &mut self.machines {
            let has_expired = machine.step(now, settings, &shared.start);
            self.summary.hooks_expired += usize::from(has_expired);
        }
        if self.staying() < self.desired as usize {
            let is_scarce = self.first_launch.is_some_and(|first| first.elapsed() < settings.scarce);
            if is_scarce && self.present() >= settings.first_capacity {
                self.summary.refused += 1;
            } else {
                self.launch(now).await;
            }
        } else if self.staying() > self.desired as usize {
            let is_free = |machine: &&mut Machine| machine.phase == Phase::InService && !machine.is_protected;
            if let Some(machine) = self.machines.iter_mut().find(is_free) {
                machine.go(now, settings);
            }
        }
        self.summary.peak = self.summary.peak.max(self.staying());
    }

    async fn launch(&mut self, now: Instant) {
        self.first_launch.get_or_insert(now);
        self.summary.launched += 1;
        self.machines.push(Machine::launch(format!("i-{:017x}", self.summary.launched), now).await);
    }
}
