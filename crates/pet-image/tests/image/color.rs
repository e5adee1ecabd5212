//! Colour profiles, deep colour, animations and multi-picture files against Pillow, on the files of
//! `golden/make_color.py`.

use pet_image::{Limits, decode};
use safetensors::SafeTensors;

use crate::support::{golden, level_difference, levels};

/// Largest and mean difference in levels that rounding explains: of a profile's arithmetic, of 16 bits to 8.
const TOLERANCE: (u8, f64) = (1, 0.1);

#[test]
fn levels_are_those_of_srgb_as_in_pillow() {
    let bytes = fs_err::read(golden().join("color.safetensors")).unwrap();
    let expected = SafeTensors::deserialize(&bytes).unwrap();
    assert_eq!(expected.len(), 19);
    for (name, theirs) in expected.iter() {
        let file = fs_err::read(golden().join("color").join(name)).unwrap();
        let ours = decode(&file, &Limits::default()).unwrap().image;
        let (width, height, theirs) = levels(&theirs);
        assert_eq!(ours.dimensions(), (width, height), "{name}");
        let (largest, mean) = level_difference(ours.as_raw(), theirs);
        assert!(
            largest <= TOLERANCE.0 && mean <= TOLERANCE.1,
            "{name}: largest difference {largest}, mean {mean}"
        );
    }
}

/// So that the test above cannot pass without conversion.
#[test]
fn profiles_matter_in_these_files() {
    let bytes = fs_err::read(golden().join("color.safetensors")).unwrap();
    let expected = SafeTensors::deserialize(&bytes).unwrap();
    let plain = expected.tensor("srgb.jpg").unwrap();
    for name in ["display_p3.jpg", "adobe_rgb.jpg", "parts.jpg", "grey.jpg"] {
        let converted = expected.tensor(name).unwrap();
        let (_, mean) = level_difference(converted.data(), plain.data());
        assert!(mean > 2.0, "{name}: {mean}");
    }
}
