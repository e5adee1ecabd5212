//! Work on images.

use super::super::endpoint::{Answer, Endpoint, Parameter, Value};

const fn pixels(
    name: &'static str,
    description: &'static str,
    least: i64,
    default: i64,
) -> Parameter {
    Parameter {
        name,
        place: "query",
        description,
        value: Value::Integer {
            least,
            most: Some(u32::MAX as i64),
            default: Some(default),
        },
    }
}

const SIZE: &[Parameter] = &[
    pixels("width", "Width in pixels.", 1, 224),
    pixels("height", "Height in pixels.", 1, 224),
];

const BOX: &[Parameter] = &[
    pixels("left", "First column that is kept, from 0.", 0, 0),
    pixels("top", "First row that is kept, from 0.", 0, 0),
    pixels("right", "First column that is cut off again.", 0, 224),
    pixels("bottom", "First row that is cut off again.", 0, 224),
];

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::post("/resize", "image", Answer::Image)
        .about("Resize", "Stretches the picture to a size (Lanczos).")
        .with(SIZE),
    Endpoint::post("/grayscale", "image", Answer::Image)
        .about("Make grey", "Leaves one channel of eight bits."),
    Endpoint::post("/crop", "image", Answer::Image)
        .about(
            "Crop",
            "Cuts a box out; what lies outside of the picture is black.",
        )
        .with(BOX),
    Endpoint::post("/normalize", "image", Answer::Image).about(
        "Normalize",
        "Takes the mean off each channel, divides by its standard deviation and spreads the result \
         over all levels.",
    ),
];
