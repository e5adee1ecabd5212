//! Charts and pictures as PNG.

mod axis;
mod canvas;
mod colormap;
mod colors;
mod curves;
mod font;
mod heading;
mod heat;
mod matrix;
mod mistakes;
mod panel;
mod rates;
mod sheet;

pub use curves::{CurvePoint, training_curves_png};
pub use heat::{HeatMap, heat_map_png};
pub use matrix::confusion_matrix_png;
pub use mistakes::{Mistake, mistakes_png};
pub use rates::{LossPoint, learning_rates_png};
pub use sheet::{Tile, contact_sheet_png};
