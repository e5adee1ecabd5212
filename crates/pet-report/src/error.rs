//! Errors in the inputs of a report.

/// A failure to compute figures or to draw a picture.
///
/// Rows are images, counted from 0 in the order given.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There are no images.
    #[error("there are no images to measure")]
    NoImages,
    /// There are no classes.
    #[error("the class list is empty")]
    NoClasses,
    /// Two classes have the same name.
    #[error("class `{class}` is listed twice")]
    DuplicateClass {
        /// The name.
        class: String,
    },
    /// The numbers of rows and labels differ.
    #[error("expected one label for each of {expected} rows of probabilities, got {got}")]
    LabelCount {
        /// Number of rows.
        expected: usize,
        /// Number of labels.
        got: usize,
    },
    /// A label is not a class index.
    #[error("the label of row {row} is {label}, expected one below {classes}")]
    LabelOutside {
        /// The image.
        row: usize,
        /// Its label.
        label: usize,
        /// Number of classes.
        classes: usize,
    },
    /// A row does not have one probability per class.
    #[error("row {row} has {got} probabilities, expected {expected}")]
    RowLength {
        /// The image.
        row: usize,
        /// Number of classes.
        expected: usize,
        /// Number of probabilities.
        got: usize,
    },
    /// A value is not between 0 and 1.
    #[error("row {row}, class {class} has `{value}`, expected a probability")]
    NotProbability {
        /// The image.
        row: usize,
        /// Index of the class.
        class: usize,
        /// The value.
        value: f32,
    },
    /// The probabilities of an image do not add up to 1.
    #[error("the probabilities of row {row} add up to `{sum}`, expected 1")]
    NotNormalized {
        /// The image.
        row: usize,
        /// Their sum.
        sum: f64,
    },
    /// A logit is infinite or NaN.
    #[error("row {row}, class {class} has the logit `{value}`, expected a finite one")]
    NotFinite {
        /// The image.
        row: usize,
        /// Index of the class.
        class: usize,
        /// The value.
        value: f32,
    },
    /// The number of names differs from the size of the matrix.
    #[error("expected {expected} class names for the confusion matrix, got {got}")]
    NameCount {
        /// Number of classes in the matrix.
        expected: usize,
        /// Number of names.
        got: usize,
    },
    /// A picture with so many classes would not be legible.
    #[error("a plot of a confusion matrix has at most {limit} classes, got {got}")]
    TooManyClasses {
        /// The limit.
        limit: usize,
        /// Number of classes.
        got: usize,
    },
    /// There are no epochs.
    #[error("there are no epochs to draw")]
    NoEpochs,
    /// A range test has no step with a learning rate above 0.
    #[error("there are no learning rates to draw")]
    NoSteps,
    /// Epochs are not in ascending order.
    #[error("epoch {epoch} follows epoch {previous}, expected a later one")]
    EpochOrder {
        /// The epoch before.
        previous: usize,
        /// The epoch that is not later.
        epoch: usize,
    },
    /// The number of values of a heat map differs from its size.
    #[error("a heat map of {width}x{height} cells needs one number per cell, got {got}")]
    Grid {
        /// Cells from left to right.
        width: usize,
        /// Cells from top to bottom.
        height: usize,
        /// Number of values.
        got: usize,
    },
    /// A photograph cannot be drawn.
    #[error("cannot draw the photo")]
    Picture {
        /// The cause.
        source: pet_image::Error,
    },
    /// The embedded font is invalid: a broken build.
    #[error("the embedded font is not valid")]
    Font,
    /// A picture of this size cannot be allocated.
    #[error("cannot create an image of {width}x{height} pixels")]
    Canvas {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
    },
    /// The picture could not be encoded as PNG.
    #[error("cannot encode the image")]
    Encode {
        /// The cause.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl Error {
    /// Suggests how to solve the problem.
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
