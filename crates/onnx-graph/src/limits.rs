//! How much a reader accepts.

/// What [`Model::from_bytes_with`](crate::Model::from_bytes_with) accepts; more is an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the whole model. A model can take several times as much memory while it is read.
    pub bytes: usize,
    /// Nodes in the graph.
    pub nodes: usize,
    /// Axes of one tensor.
    pub rank: usize,
}

impl Default for Limits {
    /// 1 GiB, 65,536 nodes, 16 axes.
    fn default() -> Self {
        Self {
            bytes: 1 << 30,
            nodes: 1 << 16,
            rank: 16,
        }
    }
}
