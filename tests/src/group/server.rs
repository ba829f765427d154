//! The calls of Auto Scaling that Flotilla makes, over HTTP.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use tokio::time::Instant;

use super::machine::{Machine, Phase};
use super::{Shared, State, answers};
use crate::server::Server;

/// A refusal: code and message.
type Refusal = (&'static str, String);

pub(super) async fn start(shared: Arc<Shared>) -> Server {
    Server::start(move |request| answer(request, Arc::clone(&shared))).await
}

async fn answer(request: Request<Incoming>, shared: Arc<Shared>) -> io::Result<Response<Full<Bytes>>> {
    let body = request.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let form = form(&String::from_utf8_lossy(&body));
    let mut state = shared.state.lock().await;
    let (status, text) = match carry_out(&form, &shared, &mut state) {
        Ok(text) => (200, text),
        Err((code, message)) => (400, answers::refusal(code, &message)),
    };
    let response = Response::builder().status(status).header("content-type", "text/xml");
    Ok(response.body(Full::new(Bytes::from(text))).expect("the status and header are valid"))
}

/// The fields of a form. Names and numbers need no decoding but that of `%2D` and its like.
fn form(body: &str) -> BTreeMap<String, String> {
    let pairs = body.split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (name.to_owned(), decoded(value))).collect()
}

fn decoded(value: &str) -> String {
    let mut pieces = value.split('%');
    let mut text = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (digits, rest) = piece.split_at(2.min(piece.len()));
        text.push(u8::from_str_radix(digits, 16).map_or('?', char::from));
        text.push_str(rest);
    }
    text
}

fn carry_out(form: &BTreeMap<String, String>, shared: &Shared, state: &mut State) -> Result<String, Refusal> {
    let field = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    let (settings, now) = (&shared.settings, Instant::now());
    let action = field("Action");
    let machine = [field("InstanceId"), field("InstanceIds.member.1")].into_iter().find(|id| !id.is_empty());
    match action {
        "DescribeAutoScalingGroups" => {
            return Ok(answers::group(&settings.name, settings.max, state.desired, &state.machines));
        }
        "DescribeAutoScalingInstances" => {
            let is_asked = |machine: &&Machine| form.values().any(|value| *value == machine.id);
            let asked = state.machines.iter().filter(is_asked).collect::<Vec<_>>();
            return Ok(answers::instances(&settings.name, &asked));
        }
        "SetDesiredCapacity" => {
            let desired = field("DesiredCapacity").parse().map_err(|_| invalid("no number"))?;
            if desired > settings.max {
                return Err(invalid(&format!("New SetDesiredCapacity value {desired} is above max value")));
            }
            state.desired = desired;
        }
        "TerminateInstanceInAutoScalingGroup" => {
            terminate(machine.unwrap_or_default(), field("ShouldDecrementDesiredCapacity") == "true", shared, state)?;
            return Ok(answers::activity(&settings.name));
        }
        "SetInstanceProtection" => {
            let found = machine.and_then(|id| state.machine(id));
            match found.filter(|machine| machine.phase == Phase::InService) {
                Some(machine) => machine.is_protected = field("ProtectedFromScaleIn") == "true",
                None => {
                    state.summary.protections_refused += 1;
                    return Err(invalid("not in InService"));
                }
            }
        }
        "RecordLifecycleActionHeartbeat" | "CompleteLifecycleAction" => {
            let machine = machine.and_then(|id| state.machine(id));
            let machine = machine.filter(|machine| machine.phase == Phase::Terminating);
            let machine = machine.ok_or_else(|| invalid("No active Lifecycle Action found with instance ID"))?;
            match action {
                "CompleteLifecycleAction" => {
                    let is_late = machine.complete(now, settings);
                    state.summary.hooks_prolonged += usize::from(is_late);
                }
                _ => machine.prolong(now, settings),
            }
        }
        _ => return Err(("InvalidAction", format!("no stand-in for {action:?}"))),
    }
    Ok(answers::done(action))
}

fn terminate(id: &str, is_smaller: bool, shared: &Shared, state: &mut State) -> Result<(), Refusal> {
    if is_smaller && state.desired == 0 {
        return Err(invalid("Terminating instance without replacement will violate group's min size constraint."));
    }
    let machine = state.machine(id).filter(|machine| matches!(machine.phase, Phase::Pending | Phase::InService));
    machine.ok_or_else(|| invalid("Instance Id not found"))?.go(Instant::now(), &shared.settings);
    state.desired -= u32::from(is_smaller);
    state.summary.ended_themselves += usize::from(is_smaller);
    Ok(())
}

fn invalid(message: &str) -> Refusal {
    ("ValidationError", message.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_read() {
        let form = form("Action=SetDesiredCapacity&AutoScalingGroupName=a%2Db%3Ac&DesiredCapacity=3");
        assert_eq!(form["AutoScalingGroupName"], "a-b:c");
        assert_eq!(form["DesiredCapacity"], "3");
    }
}
