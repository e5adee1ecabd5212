//! What can be wrong with the inputs of a report.

/// Why figures could not be computed or a picture not be drawn.
///
/// Rows are images, counted from 0 in the order given.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Figures over no image are undefined.
    #[error("there are no images to measure")]
    NoImages,
    /// A classifier has at least one class.
    #[error("the class list is empty")]
    NoClasses,
    /// Figures are kept by class name, so names have to differ.
    #[error("class `{class}` is named twice")]
    DuplicateClass {
        /// The name.
        class: String,
    },
    /// Rows and labels do not belong together.
    #[error("expected one label for each of {expected} rows of probabilities, got {got}")]
    LabelCount {
        /// Number of rows.
        expected: usize,
        /// Number of labels.
        got: usize,
    },
    /// A label is not the index of a class.
    #[error("the label of row {row} is {label}, expected one below {classes}")]
    LabelOutside {
        /// The image.
        row: usize,
        /// Its label.
        label: usize,
        /// Number of classes.
        classes: usize,
    },
    /// A row has not one probability per class.
    #[error("row {row} has {got} probabilities, expected {expected}")]
    RowLength {
        /// The image.
        row: usize,
        /// Number of classes.
        expected: usize,
        /// Number of probabilities.
        got: usize,
    },
    /// A value is not a number from 0 to 1.
    #[error("row {row}, class {class} has `{value}`, expected a probability")]
    NotProbability {
        /// The image.
        row: usize,
        /// Index of the class.
        class: usize,
        /// What was found.
        value: f32,
    },
    /// The probabilities of an image do not add up to 1.
    #[error("the probabilities of row {row} add up to `{sum}`, expected 1")]
    NotNormalized {
        /// The image.
        row: usize,
        /// What they add up to.
        sum: f64,
    },
    /// A logit is not a number that can be scaled.
    #[error("row {row}, class {class} has the logit `{value}`, expected a finite one")]
    NotFinite {
        /// The image.
        row: usize,
        /// Index of the class.
        class: usize,
        /// What was found.
        value: f32,
    },
    /// Names and matrix do not belong together.
    #[error("expected {expected} class names for the confusion matrix, got {got}")]
    NameCount {
        /// Number of classes in the matrix.
        expected: usize,
        /// Number of names.
        got: usize,
    },
    /// A picture with so many classes could not be read.
    #[error("a picture of a confusion matrix has at most {limit} classes, got {got}")]
    TooManyClasses {
        /// The most that is drawn.
        limit: usize,
        /// Number of classes.
        got: usize,
    },
    /// There is nothing to draw a curve of.
    #[error("there are no epochs to draw")]
    NoEpochs,
    /// A range test has no step with a learning rate above 0.
    #[error("there are no learning rates to draw")]
    NoSteps,
    /// Curves go from left to right.
    #[error("epoch {epoch} follows epoch {previous}, expected a later one")]
    EpochOrder {
        /// The epoch before.
        previous: usize,
        /// The epoch that is not later.
        epoch: usize,
    },
    /// The cells of a heat map do not fill its grid.
    #[error("a heat map of {width}x{height} cells takes one number for each, got {got}")]
    Grid {
        /// Cells from left to right.
        width: usize,
        /// Cells from top to bottom.
        height: usize,
        /// Numbers given.
        got: usize,
    },
    /// A photograph cannot be drawn.
    #[error("cannot draw the photograph")]
    Picture {
        /// What is wrong with it.
        source: pet_image::Error,
    },
    /// The embedded font cannot be used: the program was built wrongly.
    #[error("the embedded font is not valid")]
    Font,
    /// There is no room for a picture of this size.
    #[error("cannot make a picture of {width}x{height} pixels")]
    Canvas {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
    },
    /// The picture could not be written as PNG.
    #[error("cannot encode the picture")]
    Encode {
        /// The encoder's answer.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl Error {
    /// What a person can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NotProbability { .. } | Self::NotNormalized { .. } => {
                Some("apply softmax to the model's logits first".into())
            }
            Self::TooManyClasses { .. } => {
                Some("print `ConfusionMatrix::worst` instead of drawing the matrix".into())
            }
            _ => None,
        }
    }
}
