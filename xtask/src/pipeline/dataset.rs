//! The data sets and how the pipeline trains on each.

use clap::ValueEnum;

/// A data set, as `pet-cli` calls it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Dataset {
    /// Cartoon cats and dogs, drawn by the program
    #[default]
    Sample,
    /// The Oxford-IIIT Pet photographs
    OxfordIiitPet,
    /// Any folder of class folders
    Folder,
}

impl Dataset {
    /// As it is written on the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sample => "sample",
            Self::OxfordIiitPet => "oxford-iiit-pet",
            Self::Folder => "folder",
        }
    }

    /// The arguments of `pet-cli train`: a small grid, so that there is something to select from.
    pub(crate) fn training(self) -> &'static str {
        match self {
            Self::Sample => "--epochs 5 --learning-rate 0.001 0.003",
            Self::OxfordIiitPet | Self::Folder => {
                "--recipe center-crop --epochs 40 --patience 8 --learning-rate 0.001 0.0005 0.0003"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_command_line() {
        for dataset in Dataset::value_variants() {
            assert_eq!(Dataset::from_str(dataset.name(), false), Ok(*dataset));
        }
    }
}
