//! Shows operations.

use crate::api::operations::{Operation, OperationQuery};
use crate::problem::Problem;

/// An operation.
#[utoipa::path(get, path = "/operations/{operation}", tag = "operations", params(("operation" = String, Path, description = "The id of the operation", max_length = 64), OperationQuery), responses((status = 200, description = "Answer", body = Operation)))]
pub async fn get_operation() -> Problem {
    Problem::not_built()
}
