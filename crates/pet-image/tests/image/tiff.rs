//! TIFF files of many kinds against Pillow, on the files of `golden/make_tiff.py`, and files that lie.

use std::cell::Cell;
use std::io::Write as _;
use std::rc::Rc;

use flate2::{Compression, write::ZlibEncoder};
use pet_image::{Cost, Error, Format, Limits, RgbImage, cancel_unless, cost, decode};
use proptest::prelude::*;
use safetensors::SafeTensors;

use crate::support::{golden, level_difference, levels};

fn file(name: &str) -> Vec<u8> {
    fs_err::read(golden().join("tiff").join(name)).unwrap()
}

fn names() -> Vec<String> {
    let entries = fs_err::read_dir(golden().join("tiff")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.collect();
    names.sort();
    names
}

fn picture(name: &str) -> RgbImage {
    decode(&file(name), &Limits::default()).unwrap().image
}

/// Largest and mean difference to Pillow: none, but where rounding or JPEG explains one.
fn tolerance(name: &str) -> (u8, f64) {
    match name.split(['_', '.']).collect::<Vec<_>>()[..] {
        // Transparency is reduced.
        ["rgba" | "premultiplied", ..]
        | ["grey", "alpha", ..]
        | ["planes", "tiles", ..]
        | ["four", "unsaid", _] => (1, 0.5),
        // A profile's arithmetic, and 16 bits to 8.
        [_, "jpeg" | "16", ..] | ["display", ..] | [_, "profile", _] => (1, 0.1),
        _ => (0, 0.0),
    }
}

#[test]
fn every_kind_decodes_to_what_pillow_sees() {
    let bytes = fs_err::read(golden().join("tiff.safetensors")).unwrap();
    let expected = SafeTensors::deserialize(&bytes).unwrap();
    assert_eq!(expected.len(), 67);
    let mut wrong = Vec::new();
    for name in names() {
        let decoded = decode(&file(&name), &Limits::default());
        let Ok(decoded) = decoded else {
            wrong.push(format!("{name}: {:?}", decoded.unwrap_err()));
            continue;
        };
        assert_eq!(decoded.format, Format::Tiff);
        let (width, height, theirs) = levels(&expected.tensor(&name).unwrap());
        assert_eq!(decoded.image.dimensions(), (width, height), "{name}");
        let (largest, mean) = level_difference(decoded.image.as_raw(), theirs);
        let (largest_allowed, mean_allowed) = tolerance(&name);
        if largest > largest_allowed || mean > mean_allowed {
            wrong.push(format!("{name}: largest difference {largest}, mean {mean}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_cut_file_is_truncated_or_whole() {
    for name in names() {
        let (bytes, whole) = (file(&name), picture(&name));
        for cut in (4..bytes.len()).step_by(31) {
            match decode(&bytes[..cut], &Limits::default()) {
                // What was cut off belongs to no pixel of the first page.
                Ok(decoded) => assert!(decoded.image == whole, "{name} cut after {cut} bytes"),
                Err(Error::Truncated { format: Format::Tiff, .. }) => {}
                // Half of a picture inside.
                Err(error) => panic!("{name} cut after {cut} bytes: {error:?}"),
            }
        }
    }
}

#[test]
fn half_a_page_is_truncated() {
    for name in ["rgb_none.tif", "tiles_deflate.tif", "rgb_jpeg.tif", "planes.tif"] {
        let bytes = file(name);
        let error = decode(&bytes[..bytes.len() / 2], &Limits::default()).unwrap_err();
        assert!(matches!(error, Error::Truncated { .. }), "{name}: {error:?}");
    }
}

/// A file of one strip with entries of one number each.
fn made(entries: &[(u16, u32)], data: &[u8]) -> Vec<u8> {
    let mut bytes = b"II*\0\x08\0\0\0".to_vec();
    let start = 8 + 2 + 12 * (entries.len() as u32 + 2) + 4;
    let mut all = [entries, &[(273, start), (279, data.len() as u32)]].concat();
    all.sort_unstable();
    bytes.extend((all.len() as u16).to_le_bytes());
    for (tag, value) in all {
        bytes.extend(tag.to_le_bytes());
        bytes.extend([4, 0, 1, 0, 0, 0]);
        bytes.extend(value.to_le_bytes());
    }
    bytes.extend([0; 4]);
    bytes.extend(data);
    bytes
}

/// A grey picture of 4x2 pixels, with entries changed or added.
fn changed(changes: &[(u16, u32)]) -> Vec<u8> {
    let mut entries = vec![(256, 4), (257, 2), (258, 8), (259, 1), (262, 1), (277, 1), (278, 2)];
    for &(tag, value) in changes {
        entries.retain(|&(known, _)| known != tag);
        entries.push((tag, value));
    }
    made(&entries, b"abcdefgh")
}

fn refusal(bytes: &[u8]) -> String {
    match decode(bytes, &Limits::default()).unwrap_err() {
        Error::Decode { format: Format::Tiff, source } => source.to_string(),
        error => error.to_string(),
    }
}

#[test]
fn what_is_not_read_is_named() {
    assert!(decode(&changed(&[]), &Limits::default()).is_ok());
    for (tag, value, named) in [
        (259, 4, "fax (`4`)"),
        (259, 6, "old-style JPEG"),
        (259, 50_000, "Zstandard"),
        (259, 50_001, "WebP"),
        (259, 999, "`999`"),
        (262, 8, "colour type is `8`"),
        (262, 6, "combination of colours"),
        (262, 3, "tag `320` is missing"),
        (258, 12, "`12` bits"),
        (258, 32, "`32` bits"),
        (277, 0, "`0` samples"),
        (277, 9, "`9` samples"),
        (339, 3, "floating-point"),
        (317, 3, "predictor `3`"),
        (322, 8, "side of its tiles is `8`"),
        (322, 1 << 20, "side of its tiles is `1048576`"),
        (278, 0, "tag `278`"),
        (278, 1, "`1` strips or tiles, expected `2`"),
        (256, 0, "no pixels"),
    ] {
        let said = refusal(&changed(&[(tag, value)]));
        assert!(said.contains(named), "{tag} = {value}: {said}");
    }
}

#[test]
fn raw_photographs_are_named_and_not_taken_for_their_preview() {
    for changes in [&[(50_706, 1)][..], &[(262, 32_803)], &[(254, 1), (330, 8)]] {
        let error = decode(&changed(changes), &Limits::default()).unwrap_err();
        let Error::ForeignFormat { kind, is_picture } = error else {
            panic!("{changes:?}: {error:?}");
        };
        assert_eq!((kind, is_picture), ("a raw photo", true));
    }
    // A page that is a preview of another one is a picture all the same.
    assert!(decode(&changed(&[(254, 1)]), &Limits::default()).is_ok());
}

#[test]
fn a_huge_size_is_refused_by_the_header() {
    for name in ["rgb_none.tif", "tiles_deflate.tif", "big.tif"] {
        let limits = Limits::default().with_width(36);
        assert!(matches!(decode(&file(name), &limits), Err(Error::TooLarge { .. })));
        let limits = Limits::default().with_pixels(776);
        assert!(matches!(decode(&file(name), &limits), Err(Error::TooManyPixels { .. })));
        assert_eq!(cost(&file(name), &limits), Cost::default());
    }
    let huge = changed(&[(256, u32::MAX), (257, u32::MAX)]);
    assert!(matches!(decode(&huge, &Limits::default()), Err(Error::TooLarge { .. })));
}

/// Tiles of 16,384 pixels a side under a picture of one column.
#[test]
fn tiles_that_lie_outside_the_picture_cost_nothing() {
    let mut packed = ZlibEncoder::new(Vec::new(), Compression::best());
    let zeros = vec![0; 1 << 20];
    (0..256).for_each(|_| packed.write_all(&zeros).unwrap());
    let packed = packed.finish().unwrap();
    let start = 8 + 2 + 12 * 12 + 4;
    let sides = [(256, 1), (257, 16_384), (258, 8), (259, 8), (262, 1), (277, 1)];
    let tile = [(322, 16_384), (323, 16_384), (324, start), (325, packed.len() as u32)];
    let bytes = made(&[&sides[..], &tile].concat(), &packed);
    assert!(refusal(&bytes).contains("cover more than the limit of `100000000` pixels"));
}

/// A JPEG picture is decoded to its end, whatever of it lies within.
#[test]
fn a_tile_of_jpeg_larger_than_a_picture_may_be_is_refused_by_the_header() {
    let tile = [(322, 8192), (323, 8192), (324, 8), (325, 8), (259, 7)];
    let said = refusal(&changed(&tile));
    assert!(said.contains("cover more than the limit of `50000000` pixels"), "{said}");
}

#[test]
fn strips_that_share_their_data_are_refused() {
    // Of each 16,384 rows, one strip: all of the same bytes.
    let rows = 2048_u32;
    let mut bytes = changed(&[(257, rows), (278, 1), (259, 8)]);
    let at = |bytes: &[u8], tag: u16| {
        let entries = bytes[10..].chunks(12);
        10 + 12 * entries.into_iter().position(|entry| entry[..2] == tag.to_le_bytes()).unwrap()
    };
    let mut packed = ZlibEncoder::new(Vec::new(), Compression::best());
    packed.write_all(b"abcd").unwrap();
    let packed = packed.finish().unwrap();
    for (tag, value) in [(273, bytes.len() as u32), (279, packed.len() as u32)] {
        let entry = at(&bytes, tag);
        let values = (bytes.len() + packed.len()) as u32;
        bytes[entry + 4..entry + 8].copy_from_slice(&rows.to_le_bytes());
        bytes[entry + 8..entry + 12].copy_from_slice(&values.to_le_bytes());
        bytes.extend(&packed);
        (0..rows).for_each(|_| bytes.extend(value.to_le_bytes()));
    }
    // What the strips hold is less than the file, so it is read.
    assert!(decode(&bytes, &Limits::default()).is_ok());
    let entry = at(&bytes, 279);
    let lengths = u32::from_le_bytes(*bytes[entry + 8..].first_chunk().unwrap()) as usize;
    for length in bytes[lengths..].as_chunks_mut::<4>().0 {
        *length = 1000_u32.to_le_bytes();
    }
    assert!(refusal(&bytes).contains("share their data"));
}

#[test]
fn a_strip_that_holds_too_little_or_nonsense_is_damaged() {
    for (compression, named) in
        [(5, "strip or tile"), (8, "is damaged"), (32_773, "ends too early")]
    {
        let said = refusal(&changed(&[(259, compression)]));
        assert!(said.contains(named), "{compression}: {said}");
    }
    assert!(refusal(&changed(&[(259, 7)])).contains("not a JPEG image of the expected size"));
}

#[test]
fn one_that_nobody_wants_is_given_up() {
    let asked = Rc::new(Cell::new(0));
    let times = Rc::clone(&asked);
    let wanted = move || {
        times.set(times.get() + 1);
        times.get() < 5
    };
    let given_up = cancel_unless(wanted, || decode(&file("rgb_lzw.tif"), &Limits::default()));
    assert!(matches!(given_up, Err(Error::Cancelled)), "{given_up:?}");
    assert_eq!(asked.get(), 5);
}

#[test]
fn a_tiff_cannot_be_written() {
    let error = pet_image::encode_rgb(&RgbImage::new(3, 2), Format::Tiff).unwrap_err();
    assert_eq!(error.to_string(), "cannot encode the 3x2 image as TIFF");
    assert!(!Format::WRITTEN.contains(&Format::Tiff));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn damaged_files_are_an_error_or_a_picture(
        name in prop::sample::select(names()),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
    ) {
        let mut bytes = file(&name);
        for (index, byte) in changes {
            let index = index.index(bytes.len());
            bytes[index] = byte;
        }
        let limits = Limits::default().with_width(500).with_height(500).with_pixels(100_000);
        let cost = cost(&bytes, &limits);
        match decode(&bytes, &limits) {
            Ok(decoded) => {
                let (width, height) = decoded.image.dimensions();
                prop_assert_eq!(cost.pixels, u64::from(width) * u64::from(height));
                prop_assert!(cost.memory >= 6 * cost.pixels && cost.work >= cost.pixels);
            }
            Err(Error::Decode { source, .. }) => prop_assert!(source.to_string() != "the decoder panicked"),
            Err(_) => {}
        }
    }
}
