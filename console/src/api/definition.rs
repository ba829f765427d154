//! Definitions of tasks.

use serde::{Deserialize, Serialize};
use utoipa::openapi::schema::{AdditionalProperties, ObjectBuilder};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{IntoParams, PartialSchema, ToSchema};

/// What a task is to do, with the settings of a definition file: their names are in kebab case, sizes are numbers or
/// texts like `64MiB`, times are texts like `1h`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Definition(pub serde_json::Map<String, serde_json::Value>);

impl ToSchema for Definition {}

impl PartialSchema for Definition {
    /// The schema stands in a file: it is that of TOML, whose parser is in `shared`.
    fn schema() -> RefOr<Schema> {
        let open = || {
            let any = ObjectBuilder::new().additional_properties(Some(AdditionalProperties::FreeForm(true)));
            RefOr::T(Schema::Object(any.build()))
        };
        serde_json::from_str(include_str!("definition.schema.json")).unwrap_or_else(|_| open())
    }
}

/// A definition that is recorded.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct RecordedDefinition {
    /// Its version.
    pub version: u32,
    /// As a file has it.
    pub toml: String,
    /// As JSON; `null` of a definition that a newer program wrote.
    pub definition: Option<Definition>,
}

/// Which definition of a task.
#[derive(Debug, Clone, Copy, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct VersionQuery {
    /// Its version; absent: the present one.
    #[param(minimum = 1)]
    pub version: Option<u32>,
}

/// A definition that a task may have.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct CheckedDefinition {
    /// As a file has it.
    pub toml: String,
    /// With all defaults.
    pub definition: Definition,
    /// The next times at which it runs, at most three.
    pub due: Vec<String>,
}
