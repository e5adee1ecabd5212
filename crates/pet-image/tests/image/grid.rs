//! JPEG files as nobody makes them and everybody must read them, against Pillow and libjpeg.

use std::cell::Cell;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::rc::Rc;

use pet_image::{Error, Limits, RgbImage, cancel_unless, decode};
use safetensors::SafeTensors;

use crate::support::{file, golden, level_difference, levels};

/// Made by `make_grid.py`: needs nothing but what is committed.
#[test]
fn unusual_files_decode_to_what_pillow_sees() {
    let bytes = fs_err::read(golden().join("grid.safetensors")).unwrap();
    let expected = SafeTensors::deserialize(&bytes).unwrap();
    assert_eq!(expected.len(), 14);
    for name in expected.names() {
        let bytes = fs_err::read(golden().join("grid").join(name)).unwrap();
        let ours = decode(&bytes, &Limits::default()).unwrap().image;
        let (width, height, theirs) = levels(&expected.tensor(name).unwrap());
        assert_eq!(ours.dimensions(), (width, height), "{name}");
        let (largest, mean) = level_difference(ours.as_raw(), theirs);
        assert!(largest <= 1 && mean <= 0.1, "{name}: {largest}, {mean}");
    }
}

/// Runs a program on some bytes; `None` where it refuses them.
fn output_of(program: &str, arguments: &[&str], input: &[u8]) -> Option<Vec<u8>> {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.stderr(Stdio::null()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    output.status.success().then_some(output.stdout)
}

fn drawn(width: u32, height: u32) -> Vec<u8> {
    let picture = RgbImage::from_fn(width, height, |x, y| {
        let grain = (x * 7919 + y * 104_729 + x * y) % 23;
        [x * 3 + grain, 200 - y * 2 + grain, (x * 2) ^ y].map(|level| level as u8).into()
    });
    [format!("P6 {width} {height} 255\n").as_bytes(), picture.as_raw()].concat()
}

/// The mean difference to `djpeg`'s levels, 0 where both refuse.
fn difference_to_libjpeg(jpeg: &[u8]) -> f64 {
    let theirs = output_of("djpeg", &["-dct", "int", "-rgb", "-ppm"], jpeg);
    match (decode(jpeg, &Limits::default()), theirs) {
        (Ok(ours), Some(theirs)) => {
            let ours = ours.image.into_raw();
            let theirs = &theirs[theirs.len() - ours.len()..];
            level_difference(&ours, theirs).1
        }
        (Err(_), None) => 0.0,
        (Err(error), Some(_)) => panic!("refused: {error:?}"),
        (Ok(_), None) => panic!("decoded what libjpeg refuses"),
    }
}

const SCANS: [&str; 5] = [
    "0;\n1;\n2;\n",
    "0;\n1 2;\n",
    "0 1;\n2;\n",
    "0 1 2: 0-0, 0, 1;\n0: 1-63, 0, 2;\n1: 1-63, 0, 1;\n2: 1-63, 0, 1;\n0: 1-63, 2, 1;\n\
     0 1 2: 0-0, 1, 0;\n0: 1-63, 1, 0;\n1: 1-63, 1, 0;\n2: 1-63, 1, 0;\n",
    "0: 0-0, 0, 0;\n1: 0-0, 0, 0;\n2: 0-0, 0, 0;\n0: 1-63, 0, 0;\n2: 1-63, 0, 0;\n1: 1-63, 0, 0;\n",
];

const CODINGS: [&[&str]; 5] = [
    &[],
    &["-progressive"],
    &["-restart", "1B"],
    &["-restart", "3B", "-progressive"],
    &["-restart", "1"],
];

/// Samplings of luma and both chromas, sizes, and how they are coded: each choice meets many of the others.
#[test]
fn a_grid_of_files_decodes_as_libjpeg_does() {
    if ["cjpeg", "jpegtran", "djpeg"]
        .iter()
        .any(|name| Command::new(name).arg("-version").output().is_err())
    {
        eprintln!(
            "skipped: a_grid_of_files_decodes_as_libjpeg_does: no `cjpeg`, `jpegtran`, `djpeg`"
        );
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let script = |index: usize| folder.path().join(format!("{index}.txt"));
    for (index, scans) in SCANS.iter().enumerate() {
        fs_err::write(script(index), scans).unwrap();
    }
    let factors = ["1x1", "2x1", "1x2", "2x2", "4x1", "1x4", "3x1", "4x2"];
    let sizes = [(45, 30), (16, 16), (17, 33), (33, 17), (8, 9), (7, 7), (1, 1), (65, 49)];
    let (mut number, mut compared) = (0_usize, 0);
    for luma in factors {
        for chroma in factors {
            for other in [chroma, "1x1", "2x1"] {
                number += 1;
                let (width, height) = sizes[number % sizes.len()];
                let sampling = format!("{luma},{chroma},{other}");
                let arguments = [&["-sample", sampling.as_str()], CODINGS[number % 5]].concat();
                let Some(jpeg) = output_of("cjpeg", &arguments, &drawn(width, height)) else {
                    continue;
                };
                let scans = script(number / 3 % SCANS.len());
                let restart = ["1", "2B", "0"][number / 5 % 3];
                let arguments = ["-scans", scans.to_str().unwrap(), "-restart", restart];
                for jpeg in [Some(jpeg.clone()), output_of("jpegtran", &arguments, &jpeg)] {
                    let Some(jpeg) = jpeg else { continue };
                    let mean = difference_to_libjpeg(&jpeg);
                    assert!(mean <= 0.5, "{sampling} {width}x{height}, {arguments:?}: {mean}");
                    compared += 1;
                }
            }
        }
    }
    eprintln!("{compared} files compared with libjpeg");
    assert!(compared > 200);
}

/// A progressive file whose last scan comes again and again.
fn many_scans(count: usize) -> Vec<u8> {
    let mut bytes = file("progressive.jpg");
    let scan = bytes.windows(2).rposition(|pair| pair == [0xff, 0xda]).unwrap();
    let end = bytes.len() - 2;
    let again = bytes[scan..end].repeat(count);
    bytes.splice(end..end, again);
    bytes
}

#[test]
fn a_picture_is_given_up_between_two_rows() {
    let bytes = many_scans(400);
    let asked = Rc::new(Cell::new(0));
    let count = asked.clone();
    let wanted = move || count.replace(count.get() + 1) < 100;
    let error = cancel_unless(wanted, || decode(&bytes, &Limits::default())).unwrap_err();
    assert!(matches!(error, Error::Cancelled), "{error:?}");
    assert_eq!(asked.get(), 101);
    assert!(decode(&bytes, &Limits::default()).is_ok());
}

#[test]
fn many_scans_are_refused_before_any_is_decoded() {
    let error = decode(&many_scans(600), &Limits::default()).unwrap_err();
    assert!(matches!(error, Error::TooManyScans { scans: 600.., limit: 500 }), "{error:?}");
    let limits = Limits::default().with_pixels(45 * 30);
    let error = decode(&many_scans(12), &limits).unwrap_err();
    assert!(matches!(error, Error::TooManyScans { limit: 16, .. }), "{error:?}");
    assert!(decode(&file("progressive.jpg"), &limits).is_ok());
}

/// Coefficients of a progressive picture in four components take more than pixels do.
#[test]
fn coefficients_count_against_the_memory_of_the_largest_picture() {
    let mut bytes = file("cmyk_adobe.jpg");
    let frame = bytes.windows(2).position(|pair| pair == [0xff, 0xc0]).unwrap();
    bytes[frame + 1] = 0xc2;
    bytes[frame + 5..frame + 9].copy_from_slice(&[0x1b, 0x58, 0x1b, 0x58]);
    let scan = bytes.windows(2).position(|pair| pair == [0xff, 0xda]).unwrap();
    bytes[scan + 14] = 0;
    bytes[scan + 12] = 0;
    bytes[scan + 13] = 0;
    let error = decode(&bytes, &Limits::default()).unwrap_err();
    assert!(matches!(error, Error::TooMuchMemory { bytes: 700_000_000.., .. }), "{error:?}");
}
