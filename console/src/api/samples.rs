//! Samples of a task over time, for charts.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Which samples.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SamplesQuery {
    /// From this time on; absent: an hour before `to`.
    #[param(max_length = 40, format = DateTime)]
    pub from: Option<String>,
    /// Until this time; absent: now.
    #[param(max_length = 40, format = DateTime)]
    pub to: Option<String>,
    /// Seconds from one point to the next, in whole minutes; absent: so that there are at most 400 points.
    #[param(minimum = 60, maximum = 86400)]
    pub step: Option<u32>,
}

/// A task over time. All arrays are of one length; `null`: no sample was taken.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Samples {
    /// Seconds from one point to the next.
    pub step: u32,
    /// Seconds since 1970, of each point.
    pub time: Vec<i64>,
    /// Objects settled a second.
    pub objects_per_second: Vec<Option<f64>>,
    /// Bytes copied a second.
    pub bytes_per_second: Vec<Option<f64>>,
    /// Objects that failed since the point before.
    pub failed: Vec<Option<u64>>,
    /// Messages ready to be received.
    pub ready: Vec<Option<u64>>,
    /// Messages received, and not acknowledged yet.
    pub leased: Vec<Option<u64>>,
    /// Messages ready later.
    pub delayed: Vec<Option<u64>>,
    /// Dead letters.
    pub dead: Vec<Option<u64>>,
    /// Machines that have the task's jobs.
    pub machines: Vec<Option<u32>>,
    /// Machines that the group wants.
    pub machines_wanted: Vec<Option<u32>>,
    /// Machines of the group that are in service.
    pub machines_in_service: Vec<Option<u32>>,
    /// The highest age of the events that were settled, seconds: from the change that an event reports to the record of
    /// its outcome. `null`: workers settled none.
    pub event_age: Vec<Option<u64>>,
}
