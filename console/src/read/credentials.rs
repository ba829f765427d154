//! Shows origins of credentials. No value is read.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Query, State};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use shared::config::{Side, TaskDefinition};
use shared::tasks::Summary;

use crate::Console;
use crate::api::credentials::{CredentialsOrigin, CredentialsPage, CredentialsUse};
use crate::api::page::PageQuery;
use crate::problem::Problem;

/// Definitions that are read for one page of tasks.
const READ_AT_ONCE: usize = 8;

/// Most uses of an origin that are named.
const MAX_USES: usize = 100;

/// Origins of credentials, and who uses them. Each page is about the next tasks by name.
#[utoipa::path(
    get, path = "/credentials", tag = "credentials", params(PageQuery),
    responses((status = 200, description = "Answer", body = CredentialsPage))
)]
pub async fn list_credentials(
    State(console): State<Console>,
    Query(page): Query<PageQuery>,
) -> Result<Json<CredentialsPage>, Problem> {
    let tasks = &console.backend().tasks;
    let summaries = console.recent().summaries(tasks).await?;
    let rest = summaries.iter().filter(|summary| page.cursor.as_ref().is_none_or(|after| summary.task.name > *after));
    let mut shown: Vec<&Summary> = rest.take(page.limit() + 1).collect();
    let has_more = shown.len() > page.limit();
    shown.truncate(page.limit());
    let next = shown.last().filter(|_| has_more).map(|last| last.task.name.clone());
    let shown: Vec<Summary> = shown.into_iter().cloned().collect();
    let read = shown.into_iter().map(|summary| async move {
        let text = tasks.definition(&summary.task.id, summary.version).await?;
        Ok::<_, Problem>((summary.task.name.clone(), text.and_then(|text| TaskDefinition::parse(&text).ok())))
    });
    let definitions: Vec<_> = stream::iter(read).buffered(READ_AT_ONCE).try_collect().await?;
    let mut origins: BTreeMap<String, CredentialsOrigin> = BTreeMap::new();
    for (task, definition) in definitions {
        let Some(definition) = definition else { continue };
        for (side, of) in [("source", &definition.source), ("destination", &definition.destination)] {
            add(&mut origins, &task, side, of);
        }
    }
    Ok(Json(CredentialsPage { items: origins.into_values().collect(), next }))
}

fn add(origins: &mut BTreeMap<String, CredentialsOrigin>, task: &str, side: &str, of: &Side) {
    if of.location.scheme() == shared::location::Scheme::File {
        return;
    }
    let name = of.connection.credentials.clone().unwrap_or_else(|| "default".to_owned());
    let origin =
        origins.entry(name.clone()).or_insert(CredentialsOrigin { origin: name, used_by: Vec::new(), uses: 0 });
    origin.uses += 1;
    if origin.used_by.len() < MAX_USES {
        let (task, side, location) = (task.to_owned(), side.to_owned(), of.location.to_string());
        origin.used_by.push(CredentialsUse { task, side, location });
    }
}
