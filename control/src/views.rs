//! How the records of a fleet look to people: the command line and the console show the same.
//!
//! Each view is a value. Its caller writes it as text, as JSON, or as the console's API has it.

mod live;
mod messages_die;
mod notices;
mod phases;
mod state;

pub use live::{Live, live};
pub use messages_die::messages_die;
pub use notices::{NoticeState, ReceiverState, notices, receivers};
pub use phases::{PhaseEntry, phases};
pub use state::RunState;
