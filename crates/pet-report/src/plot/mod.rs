//! Pictures.

mod axis;
mod canvas;
mod colors;
mod curves;
mod font;
mod matrix;
mod panel;

pub use curves::{CurvePoint, training_curves_png};
pub use matrix::confusion_matrix_png;
