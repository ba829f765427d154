//! A long path: joins two tun devices, which `tests/bench/wan` moves to network namespaces of their own.
//!
//! Each direction loses a share of its packets at random, sends the others at a rate, and delivers them after a delay.
//! A packet that would wait longer than the queue allows is dropped. So the time that packets wait, and with it their
//! number, is bounded.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::ops::RangeInclusive;
use std::os::fd::AsFd as _;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

/// The largest packet of a device, bytes.
const MAX_PACKET: usize = 65_536;

/// The longest delay or queue, milliseconds.
const MAX_MILLISECONDS: f64 = 60_000.0;

/// Rates of a link, Mbit/s.
const RATES: RangeInclusive<f64> = 0.001..=1_000_000.0;

/// How often a link checks whether it is still wanted.
const CHECK_INTERVAL: Duration = Duration::from_millis(100);

/// A seed for each direction. They are fixed, so that each run draws the same numbers; 0 would draw zeros alone.
const SEEDS: [u64; 2] = [0x2545_f491_4f6c_dd1d, 0xbf58_476d_1ce4_e5b9];

/// The properties of both directions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LinkSettings {
    /// Time from the end of a packet's transmission to its delivery.
    pub delay: Duration,
    /// Share of the packets that are lost at random, from 0 to 1.
    pub loss: f64,
    /// Bytes that a direction sends in a second.
    pub bytes_per_second: f64,
    /// Longest time that a packet waits for its transmission.
    pub queue: Duration,
}

impl LinkSettings {
    /// Reads `DELAY_MS LOSS RATE_MBPS QUEUE_MS`. The error is the text of a message.
    pub fn parse(words: &[&str]) -> Result<LinkSettings, String> {
        let [delay, loss, rate, queue] = words else {
            return Err(format!("give DELAY_MS LOSS RATE_MBPS QUEUE_MS, not {} words", words.len()));
        };
        Ok(LinkSettings {
            delay: milliseconds("DELAY_MS", delay)?,
            loss: number("LOSS", loss, 0.0..=1.0)?,
            bytes_per_second: number("RATE_MBPS", rate, RATES)? * 125_000.0,
            queue: milliseconds("QUEUE_MS", queue)?,
        })
    }
}

fn milliseconds(name: &str, word: &str) -> Result<Duration, String> {
    Ok(Duration::from_secs_f64(number(name, word, 0.0..=MAX_MILLISECONDS)? / 1_000.0))
}

fn number(name: &str, word: &str, range: RangeInclusive<f64>) -> Result<f64, String> {
    let number = word.parse::<f64>().ok().filter(|number| range.contains(number));
    number.ok_or_else(|| format!("{name} is a number from {} to {}, not {word:?}", range.start(), range.end()))
}

/// The devices that a program has as its standard input and its standard output.
pub fn devices() -> io::Result<[File; 2]> {
    let first = io::stdin().as_fd().try_clone_to_owned()?;
    let second = io::stdout().as_fd().try_clone_to_owned()?;
    Ok([first.into(), second.into()])
}

/// Joins two devices while `is_wanted`. An error says why a device gives no more packets.
pub fn join(settings: LinkSettings, devices: [File; 2], is_wanted: impl Fn() -> bool) -> io::Result<()> {
    let [first, second] = devices;
    let pairs = [(first.try_clone()?, second.try_clone()?), (second, first)];
    let (ended, ends) = mpsc::channel();
    let began = Instant::now();
    for ((from, to), seed) in pairs.into_iter().zip(SEEDS) {
        let (ended, direction) = (ended.clone(), Direction::new(settings, seed));
        let (queue, packets) = mpsc::channel();
        thread::spawn(move || deliver(to, &packets));
        thread::spawn(move || {
            let error = receive(from, direction, began, &queue);
            // Nobody waits for it once the link has ended.
            let _ = ended.send(error);
        });
    }
    while is_wanted() {
        if let Ok(error) = ends.recv_timeout(CHECK_INTERVAL) {
            return Err(error);
        }
    }
    Ok(())
}

/// A packet on its way.
#[derive(Debug)]
struct Packet {
    due: Instant,
    bytes: Box<[u8]>,
}

/// Reads the packets of one direction. Returns why there are no more.
fn receive(mut device: File, mut direction: Direction, began: Instant, queue: &Sender<Packet>) -> io::Error {
    let mut buffer = vec![0u8; MAX_PACKET];
    loop {
        let count = match device.read(&mut buffer) {
            Ok(0) => return io::ErrorKind::UnexpectedEof.into(),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return error,
        };
        let Some(due) = direction.delivery(began.elapsed(), count) else { continue };
        let packet = Packet { due: began + due, bytes: buffer[..count].into() };
        if queue.send(packet).is_err() {
            return io::ErrorKind::BrokenPipe.into();
        }
    }
}

/// Writes the packets of one direction when they are due. They are due in the order in which they were read.
fn deliver(mut device: File, packets: &Receiver<Packet>) {
    for packet in packets {
        let wait = packet.due.saturating_duration_since(Instant::now());
        if !wait.is_zero() {
            thread::sleep(wait);
        }
        // A device that is down takes no packet, which is lost then. Its reader reports a device that is closed.
        let _ = device.write_all(&packet.bytes);
    }
}

/// The arithmetic of one direction, which needs no clock: times count from the start of the link.
#[derive(Debug)]
struct Direction {
    settings: LinkSettings,
    random: Random,
    /// When the transmission of all accepted packets ends.
    free_at: Duration,
}

impl Direction {
    fn new(settings: LinkSettings, seed: u64) -> Direction {
        Direction { settings, random: Random(seed), free_at: Duration::ZERO }
    }

    /// When to deliver a packet of so many bytes that comes at `now`; `None` if it is lost or dropped.
    fn delivery(&mut self, now: Duration, bytes: usize) -> Option<Duration> {
        if self.random.share() < self.settings.loss {
            return None;
        }
        let begin = self.free_at.max(now);
        if begin - now > self.settings.queue {
            return None;
        }
        self.free_at = begin + Duration::from_secs_f64(bytes as f64 / self.settings.bytes_per_second);
        Some(self.free_at + self.settings.delay)
    }
}

/// Random numbers by xorshift (Marsaglia 2003).
#[derive(Debug)]
struct Random(u64);

impl Random {
    /// A number from 0 up to, but not including, 1.
    fn share(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        // As many bits as a number of this type has exactly.
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// A direction that sends 1,000 bytes in a millisecond.
    fn direction(loss: f64, seed: u64) -> Direction {
        Direction::new(LinkSettings { delay: 50 * MS, loss, bytes_per_second: 1e6, queue: 10 * MS }, seed)
    }

    #[test]
    fn a_packet_is_due_after_earlier_ones_and_the_delay() {
        let mut direction = direction(0.0, SEEDS[0]);
        let due: Vec<_> = [0_u32, 0, 100].into_iter().map(|at| direction.delivery(at * MS, 1_000)).collect();
        assert_eq!(due, [Some(51 * MS), Some(52 * MS), Some(151 * MS)]);
    }

    #[test]
    fn a_packet_that_would_wait_too_long_is_dropped() {
        let mut direction = direction(0.0, SEEDS[0]);
        let accepted = (0..20).filter(|_| direction.delivery(Duration::ZERO, 1_000).is_some()).count();
        assert_eq!(accepted, 11, "one is sent, ten wait");
        assert_eq!(direction.delivery(MS, 1_000), Some(62 * MS), "one was sent: there is room for another");
        assert_eq!(direction.delivery(MS, 1_000), None);
    }

    #[test]
    fn the_share_of_lost_packets_is_that_of_the_settings() {
        for seed in SEEDS {
            for (loss, expected) in
                [(0.0, 0..=0), (0.001, 70..=130), (0.01, 900..=1_100), (0.5, 49_500..=50_500), (1.0, 100_000..=100_000)]
            {
                let mut direction = direction(loss, seed);
                let lost = (0..100_000_u32).filter(|number| direction.delivery(*number * MS, 1).is_none()).count();
                assert!(expected.contains(&lost), "{loss}, {seed:x}: {lost} of 100,000");
            }
        }
    }

    #[test]
    fn the_settings_of_a_link_are_read_or_the_wrong_one_is_named() {
        let settings = LinkSettings { delay: 100 * MS, loss: 0.01, bytes_per_second: 37_500_000.0, queue: 50 * MS };
        assert_eq!(LinkSettings::parse(&["100", "0.01", "300", "50"]), Ok(settings));
        for (words, part) in [
            (["-1", "0", "1", "1"], "DELAY_MS"),
            (["1", "1.1", "1", "1"], "LOSS"),
            (["1", "0", "0", "1"], "RATE_MBPS"),
            (["1", "0", "1", "NaN"], "QUEUE_MS"),
            (["1", "x", "1", "1"], "LOSS"),
        ] {
            let why = LinkSettings::parse(&words).unwrap_err();
            assert!(why.contains(part), "{words:?}: {why}");
        }
        assert!(LinkSettings::parse(&["1"]).unwrap_err().contains("not 1 words"));
    }
}
