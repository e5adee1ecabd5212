//! The model: a graph with its operator set, producer and metadata.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use crate::Error;
use crate::graph::Graph;

/// The operator sets in which the inferred operators have the same meaning (as of ONNX 1.23).
const OPSETS: RangeInclusive<i64> = 13..=28;

/// The version of the file format of new models, which belongs to opset 18.
const IR_VERSION: i64 = 8;

/// A graph with its operator set, producer and metadata.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    pub(crate) graph: Graph,
    pub(crate) opset: i64,
    pub(crate) ir_version: i64,
    pub(crate) producer_name: String,
    pub(crate) producer_version: String,
    pub(crate) metadata: BTreeMap<String, String>,
}

impl Model {
    /// A model of `graph`, with its operators in version `opset`.
    pub fn new(graph: Graph, opset: i64) -> Self {
        Self {
            graph,
            opset,
            ir_version: IR_VERSION,
            producer_name: String::new(),
            producer_version: String::new(),
            metadata: BTreeMap::new(),
        }
    }

    /// Sets the name and version of the program that makes the model.
    #[must_use]
    pub fn with_producer(mut self, name: &str, version: &str) -> Self {
        name.clone_into(&mut self.producer_name);
        version.clone_into(&mut self.producer_version);
        self
    }

    /// The same model with another graph.
    #[must_use]
    pub fn with_graph(self, graph: Graph) -> Self {
        Self { graph, ..self }
    }

    /// Sets a metadata property.
    #[must_use]
    pub fn with_metadata(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.metadata.insert(key.into(), value.into());
        self
    }

    /// Sets several metadata properties.
    #[must_use]
    pub fn with_properties<K: Into<String>, V: Into<String>>(
        self,
        properties: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        let properties = properties.into_iter();
        properties.fold(self, |model, (key, value)| model.with_metadata(key, value))
    }

    /// Checks what building the graph does not: that there are outputs, a name and a supported
    /// operator set.
    ///
    /// # Errors
    /// [`Error::Missing`], [`Error::EmptyName`] or [`Error::Opset`].
    pub fn check(&self) -> Result<(), Error> {
        if !OPSETS.contains(&self.opset) {
            let (lowest, highest) = (*OPSETS.start(), *OPSETS.end());
            return Err(Error::Opset { got: self.opset, lowest, highest });
        }
        if self.graph.name().is_empty() {
            return Err(Error::EmptyName { what: "the name of the graph".to_owned() });
        }
        if self.metadata.contains_key("") {
            return Err(Error::EmptyName { what: "a metadata key".to_owned() });
        }
        if self.graph.outputs().is_empty() {
            return Err(Error::Missing { what: "outputs" });
        }
        Ok(())
    }

    /// The graph.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// The version of the default operator set.
    pub fn opset(&self) -> i64 {
        self.opset
    }

    /// The version of the file format.
    pub fn ir_version(&self) -> i64 {
        self.ir_version
    }

    /// Name and version of the program that made the model.
    pub fn producer(&self) -> (&str, &str) {
        (&self.producer_name, &self.producer_version)
    }

    /// The properties by key.
    pub fn metadata(&self) -> &BTreeMap<String, String> {
        &self.metadata
    }
}
