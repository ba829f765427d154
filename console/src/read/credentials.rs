//! Shows origins of credentials.

use crate::api::credentials::CredentialsPage;
use crate::api::page::PageQuery;
use crate::problem::Problem;

/// Origins of credentials, and who uses them.
#[utoipa::path(get, path = "/credentials", tag = "credentials", params(PageQuery), responses((status = 200, description = "Answer", body = CredentialsPage)))]
pub async fn list_credentials() -> Problem {
    Problem::not_built()
}
