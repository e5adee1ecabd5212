//! Metrics, charts and the model card of a classifier.
//!
//! The output depends only on the input: no clock, no randomness, no system fonts.
//!
//! ```
//! use pet_report::{ConfusionMatrix, confusion_matrix_png, measure};
//!
//! let classes = ["Beagle".to_string(), "Pug".to_string()];
//! // One row per image with one probability per class, and each image's class.
//! let probabilities = [vec![0.9, 0.1], vec![0.6, 0.4], vec![0.2, 0.8]];
//! let labels = [0, 1, 1];
//!
//! let metrics = measure(&probabilities, &labels, &classes, "evaluate --split test")?;
//! assert_eq!(metrics.images, 3);
//! assert_eq!(metrics.classes["Pug"].recall, 0.5);
//!
//! let matrix = ConfusionMatrix::new(&probabilities, &labels, classes.len())?;
//! let png = confusion_matrix_png(&matrix, &classes, "Three dogs")?;
//! assert!(png.starts_with(b"\x89PNG"));
//! # Ok::<(), pet_report::Error>(())
//! ```
//!
//! # Overview
//!
//! - Metrics: [`measure()`] from probabilities, [`measure_logits`] from logits, [`ConfusionMatrix`].
//! - Calibration: [`fit_temperature`], [`probabilities`], [`expected_calibration_error`].
//! - Charts as PNG: [`confusion_matrix_png`], [`training_curves_png`], [`learning_rates_png`], [`heat_map_png`] and
//!   [`contact_sheet_png`].
//! - The model card: [`ModelCard`], and [`refresh_card`] for a folder of results.

mod axis;
mod calibration;
mod canvas;
mod card;
mod chart;
mod colors;
mod confusion;
mod curves;
mod error;
mod font;
mod heat;
mod measure;
mod sheet;

pub use calibration::{
    CALIBRATION_BINS, TEMPERATURES, expected_calibration_error, fit_temperature, measure_logits,
    probabilities,
};
pub use card::{ModelCard, refresh_card};
pub use confusion::{Confusion, ConfusionMatrix, confusion_matrix_png};
pub use curves::{CurvePoint, LossPoint, learning_rates_png, training_curves_png};
pub use error::Error;
pub use heat::heat_map_png;
pub use measure::{PROBABILITY_FLOOR, measure};
pub use pet_model::HeatMap;
pub use sheet::{Tile, contact_sheet_png};
