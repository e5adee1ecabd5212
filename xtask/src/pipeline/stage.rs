//! The stages of the pipeline.

use std::fmt;

use clap::ValueEnum;

/// A stage, in the order in which they run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Stage {
    /// Fetch ONNX Runtime and the backbone's weights
    Setup,
    /// Train, and register each run's model
    Train,
    /// Choose the best registered version
    Select,
    /// Write the ONNX model and prove that it equals the trained one
    Export,
    /// Measure it on images that it has not seen
    Evaluate,
    /// Run the artifact, logic and parity tests on what was exported
    Test,
    /// Build the image of the service
    Docker,
}

impl Stage {
    /// All of them, in order.
    pub(crate) const ALL: [Self; 7] = [
        Self::Setup,
        Self::Train,
        Self::Select,
        Self::Export,
        Self::Evaluate,
        Self::Test,
        Self::Docker,
    ];

    /// As it is written on the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Setup => "setup",
            Self::Train => "train",
            Self::Select => "select",
            Self::Export => "export",
            Self::Evaluate => "evaluate",
            Self::Test => "test",
            Self::Docker => "docker",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_stages_in_order_under_their_names() {
        assert!(Stage::ALL.is_sorted());
        assert_eq!(Stage::ALL.as_slice(), Stage::value_variants());
        for stage in Stage::ALL {
            assert_eq!(Stage::from_str(stage.name(), false), Ok(stage));
        }
    }
}
