//! From a case that fails to a small one that fails alike.

use crate::explore::{Case, End, explore};
use crate::world::Profile;

/// Most cases that are tried.
const TRIES: usize = 3_000;

/// A case that fails, and how.
#[derive(Debug, Clone)]
pub struct Failure {
    pub case: Case,
    pub end: End,
}

impl Failure {
    /// Its size: the parts that are read first count most.
    fn size(&self) -> (usize, usize, u64) {
        let sum = self.case.choices.iter().map(|choice| u64::from(*choice)).sum();
        (self.end.trace.len(), self.case.choices.len(), sum)
    }

    fn kind(&self) -> Option<&str> {
        self.end.failure.as_deref()?.split(' ').next()
    }

    /// What went wrong, and the steps that led there.
    pub fn report(&self) -> String {
        let failure = self.end.failure.as_deref().unwrap_or("nothing went wrong");
        let steps: Vec<String> =
            self.end.trace.iter().enumerate().map(|(at, line)| format!("{:3} {line}", at + 1)).collect();
        format!("{failure}\nin a world of {:?}\n{}", self.case.profile, steps.join("\n"))
    }
}

/// Makes a failure small: chunks of choices are dropped, numbers lowered, the world made plainer.
pub fn shrink(failure: Failure) -> Failure {
    let mut shrinking = Shrinking { best: failure, tries: TRIES };
    loop {
        let before = shrinking.best.size();
        shrinking.make_plainer();
        shrinking.drop_chunks();
        shrinking.lower_numbers();
        if shrinking.best.size() >= before || shrinking.tries == 0 {
            return shrinking.best;
        }
    }
}

struct Shrinking {
    best: Failure,
    tries: usize,
}

impl Shrinking {
    /// Takes the case if it fails alike and is smaller.
    fn try_case(&mut self, case: Case) -> bool {
        if self.tries == 0 {
            return false;
        }
        self.tries -= 1;
        let end = explore(&case);
        let tried = Failure { case, end };
        let is_better = tried.kind() == self.best.kind() && tried.size() < self.best.size();
        if is_better {
            self.best = tried;
        }
        is_better
    }

    fn make_plainer(&mut self) {
        let plainer: [fn(&mut Profile); 6] = [
            |profile| profile.one_queue = false,
            |profile| profile.opaque = false,
            |profile| profile.versioned = false,
            |profile| profile.hasty = false,
            |profile| profile.parts = false,
            |profile| profile.service = false,
        ];
        for make in plainer {
            let mut case = self.best.case.clone();
            make(&mut case.profile);
            if case != self.best.case && self.tries > 0 {
                self.tries -= 1;
                let end = explore(&case);
                let tried = Failure { case, end };
                if tried.kind() == self.best.kind() {
                    self.best = tried;
                }
            }
        }
    }

    fn drop_chunks(&mut self) {
        let mut chunk = self.best.case.choices.len().max(1);
        while chunk > 0 {
            let mut at = 0;
            while at < self.best.case.choices.len() {
                let mut case = self.best.case.clone();
                case.choices.drain(at..(at + chunk).min(case.choices.len()));
                if !self.try_case(case) {
                    at += chunk;
                }
            }
            chunk /= 2;
        }
    }

    fn lower_numbers(&mut self) {
        for at in 0..self.best.case.choices.len() {
            let choice = self.best.case.choices[at];
            // First without its argument, then with a smaller one.
            for lower in [0, choice % 32, choice / 64 * 32 + choice % 32, choice.saturating_sub(32)] {
                if lower < choice {
                    let mut case = self.best.case.clone();
                    case.choices[at] = lower;
                    if self.try_case(case) {
                        break;
                    }
                }
            }
        }
    }
}
