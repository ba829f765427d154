//! When something is killed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use flotilla_tests::binaries::Process;
use flotilla_tests::proxy::{Fault, Kind, Proxy, Rule};
use tokio::time::sleep;

use crate::support::Random;

/// A moment at which a process is killed.
pub enum Moment {
    /// After some time.
    Time(Duration),
    /// When such a request, which is never answered, has come by, or has taken effect.
    Request { proxy: Arc<Proxy>, kind: Kind, skip: u64, fault: Fault },
}

impl Moment {
    /// One of a process that makes requests of these kinds through these proxies.
    pub fn of(random: &mut Random, proxies: &[(Arc<Proxy>, &[Kind])], longest_ms: usize) -> Moment {
        if proxies.is_empty() || random.percent(25) {
            return Moment::Time(Duration::from_millis(random.below(longest_ms) as u64));
        }
        let (proxy, kinds) = &proxies[random.below(proxies.len())];
        let kind = random.pick(kinds);
        let skip = match kind {
            Kind::Create | Kind::Complete | Kind::List | Kind::ListParts => random.below(2),
            Kind::Other => random.below(60),
            _ => random.below(12),
        };
        let fault = random.pick(&[&Fault::Stall, &Fault::StallAfter, &Fault::StallAfter]).clone();
        Moment::Request { proxy: proxy.clone(), kind, skip: skip as u64, fault }
    }

    /// Waits for the moment. Gives up when the process, or what it works on, has ended first.
    pub async fn wait(&self, process: &mut Process, limit: Duration) {
        let started = Instant::now();
        match self {
            Moment::Time(time) => sleep(*time).await,
            Moment::Request { proxy, kind, skip, fault } => {
                let before = proxy.delayed();
                proxy.inject(Rule::on(*kind, fault.clone()).after(*skip).times(1));
                while proxy.delayed() == before && process.is_running() && started.elapsed() < limit {
                    sleep(Duration::from_millis(2)).await;
                }
            }
        }
    }

    /// Nothing is delayed any more.
    pub fn pass(&self) {
        if let Moment::Request { proxy, .. } = self {
            proxy.heal();
        }
    }
}
