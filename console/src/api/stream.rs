//! Which changes are streamed.

use serde::Deserialize;
use utoipa::IntoParams;

/// Which changes are streamed. At most 200 things in all.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct StreamQuery {
    /// Names of tasks, with commas between them.
    #[param(max_length = 8192)]
    pub tasks: Option<String>,
    /// Ids of runs, with commas between them.
    #[param(max_length = 8192)]
    pub runs: Option<String>,
    /// Operations as `TASK/ID`, or `ID` of one with a definition of its own, with commas between them.
    #[param(max_length = 8192)]
    pub operations: Option<String>,
    /// Whether the counts of tasks by status are streamed.
    #[serde(default)]
    pub counts: bool,
}
