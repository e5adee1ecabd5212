//! What an explanation draws over a photograph.

use pet_image::Region;

/// How much the regions of a photograph support the prediction of a class, as a grid over a part of it.
#[derive(Clone, Copy, Debug)]
pub struct HeatMap<'a> {
    /// The explained class.
    pub class: &'a str,
    /// Its probability, 0 to 1.
    pub probability: f32,
    /// The most probable class.
    pub answer: &'a str,
    /// Its probability, 0 to 1.
    pub confidence: f32,
    /// Number of columns.
    pub width: usize,
    /// Number of rows.
    pub height: usize,
    /// The values, row by row from the top.
    pub values: &'a [f32],
    /// The part of the photograph that the grid covers, in pixels of the photograph.
    pub region: Region,
}
