//! Pages of lists.

use serde::Deserialize;
use shared::object::Timestamp;
use utoipa::IntoParams;

/// Most items of a page.
pub const MAX_LIMIT: u32 = 200;

/// Items of a page where the request names no number.
pub const DEFAULT_LIMIT: u32 = 50;

/// Which page of a list.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// The `next` of the page before; absent: the first page.
    #[param(max_length = 4096)]
    pub cursor: Option<String>,
    /// Most items.
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: Option<u32>,
}

impl PageQuery {
    /// Most items of the page, within its bounds.
    pub fn limit(&self) -> usize {
        self.limit.unwrap_or(DEFAULT_LIMIT).clamp(1, MAX_LIMIT) as usize
    }
}

/// A time as the API spells it.
pub fn time(at: Timestamp) -> String {
    at.to_string()
}
