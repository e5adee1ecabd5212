//! Limits for reading models.

/// What [`Model::from_bytes_with`](crate::Model::from_bytes_with) accepts; more is an error.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of the whole model. Reading an ordinary one takes about twice as much memory, one made
    /// to be expensive (of millions of empty messages) up to a hundred times as much.
    pub bytes: usize,
    /// Nodes in the graph.
    pub nodes: usize,
    /// Axes of one tensor.
    pub rank: usize,
}

impl Limits {
    /// Sets the limit for the bytes of the whole model.
    #[must_use]
    pub fn with_bytes(self, bytes: usize) -> Self {
        Self { bytes, ..self }
    }

    /// Sets the limit for the number of nodes.
    #[must_use]
    pub fn with_nodes(self, nodes: usize) -> Self {
        Self { nodes, ..self }
    }

    /// Sets the limit for the axes of one tensor.
    #[must_use]
    pub fn with_rank(self, rank: usize) -> Self {
        Self { rank, ..self }
    }
}

impl Default for Limits {
    /// 512 MiB, 65,536 nodes, 16 axes.
    fn default() -> Self {
        Self { bytes: 1 << 29, nodes: 1 << 16, rank: 16 }
    }
}
