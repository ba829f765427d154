//! A queue in memory, whose messages are delivered when and to whom the explorer wants.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use shared::object::Timestamp;
use shared::queue::{Depth, JobQueue, MAX_RECEIVE, Message, Outgoing};
use shared::sync::lock;
use shared::{Error, ErrorKind, Result};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use crate::schedule::{Call, Kind, Schedule};

/// A message on the queue.
#[derive(Debug)]
pub struct Letter {
    /// Its body.
    pub body: String,
    /// When it may be received (again).
    pub ready: Instant,
    /// Who holds it, or was the last to.
    pub holder: Option<u32>,
    /// How often it was received.
    pub receives: u32,
    /// The valid receipt; none once the message is released.
    receipt: Option<u64>,
    sent: Timestamp,
}

impl Letter {
    /// Whether somebody holds it.
    pub fn is_leased(&self) -> bool {
        self.receipt.is_some() && self.ready > Instant::now()
    }
}

/// What a queue holds.
#[derive(Debug, Default)]
pub struct Letters {
    /// By number, oldest first.
    pub letters: BTreeMap<u64, Letter>,
    /// Bodies of dead letters, with the reasons.
    pub dead: Vec<(String, String)>,
    /// Which messages the next receive gets; `None`: any.
    pub chosen: Option<Vec<u64>>,
    next: u64,
}

impl Letters {
    /// Puts a message on the queue; gives its number.
    pub fn put(&mut self, body: String, delay: Duration) -> u64 {
        self.next += 1;
        let ready = Instant::now() + delay;
        let sent = Timestamp::now();
        self.letters.insert(self.next, Letter { body, ready, holder: None, receives: 0, receipt: None, sent });
        self.next
    }

    /// Messages that may be received now, oldest first.
    pub fn ready(&self) -> Vec<u64> {
        let now = Instant::now();
        self.letters.iter().filter(|(_, letter)| letter.ready <= now).map(|(id, _)| *id).collect()
    }

    fn take(&mut self, name: char, worker: u32, max: usize, lease: Duration) -> Vec<Message> {
        let ids = self.chosen.take().unwrap_or_else(|| self.ready());
        let mut messages = Vec::new();
        for id in ids.into_iter().take(max.min(MAX_RECEIVE)) {
            self.next += 1;
            let receipt = self.next;
            let Some(letter) = self.letters.get_mut(&id) else { continue };
            letter.receives += 1;
            letter.ready = Instant::now() + lease;
            letter.holder = Some(worker);
            letter.receipt = Some(receipt);
            messages.push(Message {
                id: format!("{name}{id}"),
                receipt: format!("{id}.{receipt}"),
                body: letter.body.clone(),
                receive_count: letter.receives,
                sent: letter.sent,
            });
        }
        messages
    }

    /// The message of a receipt, if that is still the good one.
    fn lease_of(&mut self, message: &Message) -> Option<(u64, &mut Letter)> {
        let (id, receipt) = message.receipt.split_once('.')?;
        let (id, receipt) = (id.parse().ok()?, receipt.parse().ok()?);
        self.letters.get_mut(&id).filter(|letter| letter.receipt == Some(receipt)).map(|letter| (id, letter))
    }
}

/// A queue as one worker sees it.
#[derive(Debug, Clone)]
pub struct FakeQueue {
    /// What its messages' names begin with: they are unique over all queues.
    pub name: char,
    /// Its number.
    pub number: usize,
    /// What it holds.
    pub letters: Arc<Mutex<Letters>>,
    /// Who calls.
    pub worker: u32,
    /// Where calls wait.
    pub schedule: Schedule,
    /// Wakes receives that wait by themselves.
    pub arrivals: Arc<Notify>,
}

impl FakeQueue {
    async fn call<T, F>(&self, kind: Kind, what: String, effect: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Letters) -> (Result<T>, String) + Send + 'static,
    {
        let letters = self.letters.clone();
        let call = Call { worker: self.worker, key: String::new(), kind, what };
        let answer = self.schedule.call(call, move || effect(&mut lock(&letters))).await;
        self.arrivals.notify_waiters();
        answer
    }
}

fn names(messages: &[Message]) -> String {
    let names: Vec<_> = messages.iter().map(|message| message.id.as_str()).collect();
    names.join(", ")
}

#[async_trait]
impl JobQueue for FakeQueue {
    async fn send(&self, messages: &[Outgoing]) -> Result<()> {
        let (name, messages) = (self.name, messages.to_vec());
        if messages.is_empty() {
            return Ok(());
        }
        let effect = move |letters: &mut Letters| {
            let sent = |m: Outgoing| format!("{name}{} in {} s", letters.put(m.body, m.delay), m.delay.as_secs());
            let sent: Vec<_> = messages.into_iter().map(sent).collect();
            (Ok(()), sent.join(", "))
        };
        self.call(Kind::Ask, "sends".to_owned(), effect).await
    }

    async fn receive(&self, max: usize, wait: Duration, lease: Duration) -> Result<Vec<Message>> {
        let (name, worker, deadline) = (self.name, self.worker, Instant::now() + wait);
        if self.schedule.is_on() {
            let effect = move |letters: &mut Letters| {
                let messages = letters.take(name, worker, max, lease);
                let names = names(&messages);
                (Ok(messages), names)
            };
            return tokio::select! {
                biased;
                messages = self.call(Kind::Receive(self.number), "receives".to_owned(), effect) => messages,
                () = sleep_until(deadline) => Ok(Vec::new()),
            };
        }
        loop {
            let arrival = self.arrivals.notified();
            let messages = lock(&self.letters).take(name, worker, max, lease);
            let next = lock(&self.letters).letters.values().map(|letter| letter.ready).min();
            if !messages.is_empty() || Instant::now() >= deadline {
                return Ok(messages);
            }
            tokio::select! {
                () = arrival => {}
                () = sleep_until(next.map_or(deadline, |next| next.min(deadline))) => {}
            }
        }
    }

    fn outlives_callers(&self) -> bool {
        false
    }

    /// Without a turn: heartbeats are only interesting for when they come too late.
    async fn extend(&self, message: &Message, lease: Duration) -> Result<()> {
        match lock(&self.letters).lease_of(message) {
            Some((_, letter)) => {
                letter.ready = Instant::now() + lease;
                Ok(())
            }
            None => Err(Error::new(ErrorKind::LeaseLost, "extend", &message.id, "another has it")),
        }
    }

    async fn acknowledge(&self, message: &Message) -> Result<()> {
        let what = format!("acknowledges {}", message.id);
        let message = message.clone();
        let effect = move |letters: &mut Letters| {
            if let Some((id, _)) = letters.lease_of(&message) {
                letters.letters.remove(&id);
            }
            (Ok(()), String::new())
        };
        self.call(Kind::Ask, what, effect).await
    }

    async fn release(&self, message: &Message, delay: Duration) -> Result<()> {
        let what = format!("hands {} back for {} s", message.id, delay.as_secs());
        let message = message.clone();
        let effect = move |letters: &mut Letters| {
            if let Some((_, letter)) = letters.lease_of(&message) {
                letter.ready = Instant::now() + delay;
                letter.receipt = None;
            }
            (Ok(()), String::new())
        };
        self.call(Kind::Ask, what, effect).await
    }

    async fn dead_letter(&self, message: &Message, reason: &str) -> Result<()> {
        let what = format!("buries {}: {reason}", message.id);
        let (message, reason) = (message.clone(), reason.to_owned());
        let effect = move |letters: &mut Letters| {
            if let Some((id, _)) = letters.lease_of(&message) {
                letters.letters.remove(&id);
                letters.dead.push((message.body, reason));
            }
            (Ok(()), String::new())
        };
        self.call(Kind::Ask, what, effect).await
    }

    async fn depth(&self) -> Result<Depth> {
        let (letters, now) = (lock(&self.letters), Instant::now());
        let mut depth = Depth { dead: letters.dead.len() as u64, ..Depth::default() };
        for letter in letters.letters.values() {
            match () {
                () if letter.ready <= now => depth.ready += 1,
                () if letter.receipt.is_some() => depth.leased += 1,
                () => depth.delayed += 1,
            }
        }
        Ok(depth)
    }
}
