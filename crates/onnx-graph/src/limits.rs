//! How much a reader accepts.

/// What [`Model::from_bytes_with`](crate::Model::from_bytes_with) accepts; more is an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the whole model. Reading an ordinary one takes about twice as much memory, one made
    /// to be expensive (of millions of empty messages) up to a hundred times as much.
    pub bytes: usize,
    /// Nodes in the graph.
    pub nodes: usize,
    /// Axes of one tensor.
    pub rank: usize,
}

impl Default for Limits {
    /// 512 MiB, 65,536 nodes, 16 axes.
    fn default() -> Self {
        Self {
            bytes: 1 << 29,
            nodes: 1 << 16,
            rank: 16,
        }
    }
}
