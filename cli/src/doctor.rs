//! `flotilla doctor`: finds faults of a set-up before a run meets them.

use std::path::Path;
use std::time::Duration;

use adapters::open::{self, FleetBackend, doctor};
use shared::Error;
use shared::config::{Config, Connection, FleetConfig, FleetFile, LedgerConfig, TaskDefinition};
use shared::finding::{Finding, Level};
use shared::object::Timestamp;
use shared::tasks::{Heartbeat, MAX_TASKS, Summary};
use shared::terminal;
use tokio::time::sleep;

use crate::args::DoctorArgs;
use crate::exit::{CommandResult, Exit, Failure};
use crate::stdout::Stdout;

/// A live worker writes a heartbeat within this time, also if it misses one.
const BEATS: Duration = Duration::from_secs(12);

/// Prints what was found, one line each; exit 1 if anything does not work. Changes nothing.
pub async fn run(args: &DoctorArgs) -> CommandResult {
    let findings = match (&args.of.config, &args.of.fleet) {
        (Some(file), _) => of_config(Config::read(file)?).await,
        (None, Some(file)) => of_fleet(FleetFile::read(file)?).await,
        (None, None) => {
            let state = args.of.state.clone().map_or_else(crate::state::default_folder, Ok)?;
            if !has_records(&state) {
                let why = format!("{} is no state folder: give --state, --fleet or --config", state.display());
                return Err(Failure::usage(why));
            }
            of_fleet(FleetFile::of_folder(crate::args::LOCAL, state)).await
        }
    };
    let mut out = Stdout::new();
    for finding in &findings {
        match args.json {
            true => out.line(serde_json::to_string(finding).expect("a finding is representable as JSON"))?,
            false => out.line(line(finding))?,
        }
    }
    out.flush()?;
    let has_errors = findings.iter().any(|finding| finding.level == Level::Error);
    Ok(if has_errors { Exit::SomeFailed } else { Exit::InSync })
}

fn line(finding: &Finding) -> String {
    let remedy = finding.remedy.as_ref().map(|remedy| format!("; {remedy}"));
    let text = format!("{}{}", finding.what, remedy.unwrap_or_default());
    format!("{:<8}{}", finding.level.as_str(), terminal::escaped(&text))
}

/// How many tasks the fleet has, of those that it may have.
fn of_tasks(fleet: &str, tasks: usize) -> Finding {
    let counted = terminal::counted(tasks as u64, "task");
    match tasks * 10 >= MAX_TASKS * 9 {
        true => Finding::warning(
            format!("fleet {fleet}: {counted}, of at most {MAX_TASKS}"),
            "delete tasks that are not needed, or make another fleet",
        ),
        false => Finding::ok(format!("fleet {fleet}: {counted}")),
    }
}

/// A task in a config file.
async fn of_config(config: Config) -> Vec<Finding> {
    let mut findings = Vec::new();
    let unmade = unmade(config.state.as_deref());
    let mut is_reachable = unmade.is_none();
    findings.extend(unmade);
    if let (Some(queue), Some(ledger)) = (&config.queue, &config.ledger) {
        is_reachable = services(&queue.connection, ledger, config.fleet.as_ref(), &mut findings).await;
    }
    if is_reachable {
        match doctor::bounded(&config.task, open::backend_of_task(&config)).await {
            Ok(_) => findings.push(Finding::ok(format!("task {}: queue and ledger open", config.task))),
            Err(error) => findings.push(failed("queue and ledger", &error)),
        }
    }
    let name = config.task.clone();
    findings.extend(doctor::stores(vec![(name, config)]).await);
    findings
}

/// A fleet with its tasks.
async fn of_fleet(fleet: FleetFile) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(ledger) = &fleet.ledger
        && !services(&fleet.queue, ledger, fleet.group.as_ref(), &mut findings).await
    {
        return findings;
    }
    if let Some(unmade) = unmade(fleet.state.as_deref()) {
        findings.push(unmade);
        return findings;
    }
    let opened = async {
        let backend = FleetBackend::open(&fleet).await?;
        let (tasks, workers) = tokio::try_join!(backend.tasks.summaries(), backend.tasks.heartbeats())?;
        Ok((backend, tasks, workers))
    };
    let (backend, tasks, workers) = match doctor::bounded(&fleet.name, opened).await {
        Ok(opened) => opened,
        Err(error) => {
            findings.push(failed(&format!("fleet {}", fleet.name), &error));
            return findings;
        }
    };
    findings.push(of_tasks(&fleet.name, tasks.len()));
    findings.extend(of_workers(&workers, &tasks));
    findings.extend(killed(&backend, &workers).await);
    findings.extend(doctor::queues(&fleet, &tasks).await);
    let mut configs = Vec::new();
    for summary in &tasks {
        match definition(&backend, summary).await {
            Ok(definition) => configs.push((summary.task.name.clone(), definition.on(&fleet, &summary.task.id))),
            Err(why) => findings.push(Finding::error(format!("task {}: {why}", summary.task.name), "edit the task")),
        }
    }
    findings.extend(doctor::stores(configs).await);
    findings
}

/// Whose credentials these are, the table and the group. `false`: the table cannot be described, so nothing else can be
/// read.
async fn services(
    queue: &Connection,
    ledger: &LedgerConfig,
    group: Option<&FleetConfig>,
    findings: &mut Vec<Finding>,
) -> bool {
    let (identity, table, group) =
        tokio::join!(doctor::identity(queue), doctor::ledger(ledger), doctor::machines(group));
    let is_reachable = table.is_ok();
    findings.push(identity);
    findings.extend(table.unwrap_or_else(|error| vec![error]));
    findings.extend(group);
    is_reachable
}

/// Whether a state folder was used. Opening one that was not makes its records.
fn has_records(state: &Path) -> bool {
    state.join("flotilla.db").exists()
}

fn unmade(state: Option<&Path>) -> Option<Finding> {
    let state = state.filter(|state| !has_records(state))?;
    let what = format!("state folder {}: no records yet", state.display());
    Some(Finding::warning(what, "the first run, or flotilla serve, makes them"))
}

fn failed(what: &str, error: &Error) -> Finding {
    Finding::error(format!("{what}: {error}"), &doctor::remedy(error, "run flotilla init, or do what the message says"))
}

async fn definition(backend: &FleetBackend, summary: &Summary) -> Result<TaskDefinition, String> {
    let text = backend.tasks.definition(&summary.task.id, summary.version).await.map_err(|error| error.to_string())?;
    let text = text.ok_or("its definition is gone")?;
    TaskDefinition::parse(&text).map_err(|why| format!("its definition cannot be read: {why}"))
}

/// The workers that no longer live. A heartbeat that is old by this machine's clock is read again after some beats: the
/// worker is dead if its counter has not changed.
async fn killed(backend: &FleetBackend, workers: &[Heartbeat]) -> Vec<Finding> {
    let now = Timestamp::now();
    let silent: Vec<&Heartbeat> = workers.iter().filter(|worker| worker.is_silent(now)).collect();
    if silent.is_empty() {
        return Vec::new();
    }
    sleep(BEATS).await;
    let again = match doctor::bounded("workers", backend.tasks.heartbeats()).await {
        Ok(again) => again,
        Err(error) => return vec![failed("workers", &error)],
    };
    let of = |worker: &Heartbeat| {
        let name = &worker.worker;
        match again.iter().find(|now| now.worker == *name) {
            // It has left meanwhile.
            None => None,
            Some(now) if now.counter == worker.counter => Some(Finding::warning(
                format!("worker {name}: killed, last seen {} ago", terminal::time(worker.age(Timestamp::now()))),
                "its jobs come again when their leases end; it is shown for an hour at most",
            )),
            Some(_) => Some(Finding::warning(
                format!("worker {name}: works, and its clock differs by minutes from this machine's"),
                "set the clocks",
            )),
        }
    };
    silent.into_iter().filter_map(of).collect()
}

fn of_workers(workers: &[Heartbeat], tasks: &[Summary]) -> Vec<Finding> {
    let mut findings = vec![match workers.len() {
        0 => Finding::warning("workers: none", "start one: worker --fleet FILE, or flotilla serve"),
        count => Finding::ok(format!("workers: {count}")),
    }];
    for (worker, id, error) in workers.iter().flat_map(|w| w.errors.iter().map(|(id, error)| (&w.worker, id, error))) {
        let name = tasks.iter().find(|task| task.task.id == *id).map_or(id.as_str(), |task| &task.task.name);
        findings.push(Finding::error(
            format!("worker {worker} cannot open task {name}: {error}"),
            "do what the message says; the worker tries again by itself",
        ));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fleet_near_its_most_tasks_is_named() {
        let few = of_tasks("f", 20);
        assert_eq!((few.level, &*few.what), (Level::Ok, "fleet f: 20 tasks"));
        assert_eq!(of_tasks("f", MAX_TASKS * 9 / 10 - 1).level, Level::Ok);
        assert_eq!(of_tasks("f", MAX_TASKS * 9 / 10).level, Level::Warning);
    }
}
