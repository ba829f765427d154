//! A plan as people read it.

use std::fmt;

use shared::terminal::{self, bytes, count};

use super::Plan;

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "plan: {} -> {}", self.source, self.destination)?;
        writeln!(
            f,
            "  listed     {} at the source, {} at the destination",
            count(self.listed),
            count(self.listed_destination)
        )?;
        writeln!(f, "  in sync    {}, left out by filters {}", count(self.unchanged), count(self.filtered))?;
        if self.not_judged > 0 {
            writeln!(f, "  not known  {} could not be compared: see the warnings", count(self.not_judged))?;
        }
        let jobs = match self.copies {
            0 => String::new(),
            _ => format!(" in {}", terminal::counted(self.copy_jobs, "job")),
        };
        writeln!(f, "  to copy    {} ({}){jobs}", count(self.copies), bytes(self.copy_bytes))?;
        for (reason, objects) in &self.reasons {
            writeln!(f, "             {} {}", count(*objects), reason.as_str())?;
        }
        writeln!(f, "  to delete  {}", count(self.deletes))?;
        if self.unlisted > 0 {
            let unlisted = count(self.unlisted);
            writeln!(f, "  not listed {unlisted} folders or names: nothing below them is copied or deleted")?;
        }
        if let Some(refused) = &self.deletes_refused {
            writeln!(f, "             a run would stop here: {refused}")?;
        }
        for r in &self.cost.requests {
            writeln!(f, "  {:<12} {:<11} {:>14}  ${:.4}", r.service, r.operation, count(r.count), r.usd)?;
        }
        writeln!(f, "  requests   ${:.4}; an embedded queue and ledger cost nothing", self.cost.usd_requests)?;
        writeln!(f, "  egress     ${:.2} at most; free within one region", self.cost.usd_egress_at_most)?;
        write!(f, "  prices     {} ({})", self.cost.prices_source, self.cost.prices_date)
    }
}
