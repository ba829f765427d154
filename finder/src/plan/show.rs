//! A plan as people read it.

use std::fmt;

use shared::console;

use super::Plan;

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "plan: {} -> {}", self.source, self.destination)?;
        writeln!(f, "  listed     {} at the source, {} at the destination", self.listed, self.listed_destination)?;
        writeln!(f, "  in sync    {}, left out by filters {}", self.unchanged, self.filtered)?;
        if self.not_judged > 0 {
            writeln!(f, "  not known   {} could not be compared: the warnings say why", self.not_judged)?;
        }
        writeln!(
            f,
            "  to copy    {} ({}) in {}",
            self.copies,
            bytes(self.copy_bytes),
            console::counted(self.jobs, "job")
        )?;
        for (reason, objects) in &self.reasons {
            writeln!(f, "             {objects} {}", reason.as_str())?;
        }
        writeln!(f, "  to delete  {}", self.deletes)?;
        if let Some(refused) = &self.deletes_refused {
            writeln!(f, "             a run would stop here: {refused}")?;
        }
        for r in &self.cost.requests {
            writeln!(f, "  {:<12} {:<8} {:>14}  ${:.4}", r.service, r.operation, r.count, r.usd)?;
        }
        writeln!(
            f,
            "  requests   ${:.4}; queue and ledger cost nothing where they are embedded",
            self.cost.usd_requests
        )?;
        writeln!(f, "  egress     ${:.2} at most; nothing within one region", self.cost.usd_egress_at_most)?;
        write!(f, "  prices     {} ({})", self.cost.prices_source, self.cost.prices_date)
    }
}

/// Bytes in the largest binary unit that leaves a whole number.
fn bytes(count: u64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let unit = (count.max(1).ilog2() / 10) as usize;
    if unit == 0 {
        format!("{count} B")
    } else {
        format!("{:.1} {}", count as f64 / 1024f64.powi(unit as i32), units[unit])
    }
}
