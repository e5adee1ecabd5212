//! The JSON of what goes into a run and comes out of it.

use super::wire::{Pair, map, pairs};
use crate::dataset::DatasetInput;
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct WireInputs {
    pub(super) dataset_inputs: Vec<WireDatasetInput>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct WireOutputs {
    pub(super) model_outputs: Vec<WireModelOutput>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct WireModelOutput {
    pub(super) model_id: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct WireDatasetInput {
    dataset: WireDataset,
    tags: Vec<Pair>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct WireDataset {
    name: String,
    digest: String,
    source_type: String,
    source: String,
    schema: Option<String>,
    profile: Option<String>,
}

impl From<WireDatasetInput> for DatasetInput {
    fn from(WireDatasetInput { dataset, tags }: WireDatasetInput) -> Self {
        Self {
            name: dataset.name,
            digest: dataset.digest,
            source_type: dataset.source_type,
            source: dataset.source,
            schema: dataset.schema.filter(|text| !text.is_empty()),
            profile: dataset.profile.filter(|text| !text.is_empty()),
            tags: map(tags),
        }
    }
}

/// A data set as the server wants it.
pub(super) fn dataset(input: &DatasetInput) -> Value {
    let mut dataset = json!({
        "name": input.name,
        "digest": input.digest,
        "source_type": input.source_type,
        "source": input.source,
    });
    for (field, value) in [("schema", &input.schema), ("profile", &input.profile)] {
        if let Some(value) = value {
            dataset[field] = json!(value);
        }
    }
    json!({ "dataset": dataset, "tags": pairs(&input.tags) })
}
