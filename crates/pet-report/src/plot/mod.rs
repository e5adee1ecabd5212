//! Pictures.

mod axis;
mod canvas;
mod colormap;
mod colors;
mod curves;
mod font;
mod heat;
mod matrix;
mod mistakes;
mod panel;
mod sheet;

pub use curves::{CurvePoint, training_curves_png};
pub use heat::{HeatMap, heat_map_png};
pub use matrix::confusion_matrix_png;
pub use mistakes::{Mistake, mistakes_png};
pub use sheet::{Tile, contact_sheet_png};
