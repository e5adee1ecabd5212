//! Against Pillow, on real photographs.
//!
//! They are not part of this repository: the tests look for them under `PET_SHARED_DATA`, else
//! beside the workspace, and are skipped where there are none.

use std::path::{Path, PathBuf};
use std::process::Command;

use pet_image::{
    Filter, Format, Limits, Preprocess, RgbImage, decode, encode_rgb, grayscale, resize,
};
use safetensors::SafeTensors;

use crate::support::{difference, floats, golden, level_difference, levels};

/// Folder of the photographs at their original size, unless the test is to be skipped.
fn originals() -> Option<PathBuf> {
    let shared = std::env::var_os("PET_SHARED_DATA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
        PathBuf::from,
    );
    let folder = shared.join("originals");
    if !folder.is_dir() {
        skipped(format_args!("no photographs at {}", folder.display()));
        return None;
    }
    Some(folder)
}

/// Reports that the current test is skipped. The test harness names threads after their tests.
fn skipped(reason: impl std::fmt::Display) {
    let thread = std::thread::current();
    eprintln!("skipped: {}: {reason}", thread.name().unwrap_or_default());
}

fn tensor_of(path: &Path) -> Vec<f32> {
    let recipe = Preprocess::imagenet();
    let mut tensor = vec![f32::NAN; recipe.tensor_len()];
    recipe.run(&fs_err::read(path).unwrap(), &Limits::default(), &mut tensor).unwrap();
    tensor
}

/// The committed numbers are every 499th of each tensor, so this needs no Python.
#[test]
fn the_path_from_jpeg_to_tensor_is_pillows() {
    let Some(folder) = originals() else { return };
    let bytes = fs_err::read(golden().join("photographs.safetensors")).unwrap();
    let expected = SafeTensors::deserialize(&bytes).unwrap();
    assert_eq!(expected.len(), 19);
    for name in expected.names() {
        let ours: Vec<f32> = tensor_of(&folder.join(name)).into_iter().step_by(499).collect();
        let (_, mean) = difference(&ours, &floats(&expected, name));
        assert!(mean < 0.01, "{name}: mean difference {mean}");
    }
}

/// Reduced while decoding, a large photograph gives nearly the same tensor as in full.
#[test]
fn a_large_photograph_is_reduced_and_looks_the_same() {
    let Some(folder) = originals() else { return };
    let small = decode(&fs_err::read(folder.join("beagle_10.jpg")).unwrap(), &Limits::default());
    let large = resize(&small.unwrap().image, 2000, 1500, Filter::Lanczos).unwrap();
    let bytes = encode_rgb(&large, Format::Jpeg).unwrap();
    for (size, reduced) in [(64, 8), (112, 4), (224, 2), (500, 1)] {
        let recipe = Preprocess::imagenet().with_size(size);
        let image = recipe.decode(&bytes, &Limits::default()).unwrap().image;
        assert_eq!(image.dimensions(), (2000_u32.div_ceil(reduced), 1500_u32.div_ceil(reduced)));
        let full = decode(&bytes, &Limits::default()).unwrap().image;
        let mut tensors = [&image, &full].map(|image| {
            let mut tensor = vec![0.0; recipe.tensor_len()];
            recipe.run_image(image, &mut tensor).unwrap();
            tensor
        });
        let [one, other] = &mut tensors;
        let (_, mean) = difference(one, other);
        // One level is 1 / 255 / 0.224.
        assert!(mean / 0.0175 < 2.0, "{size}: mean difference {mean}");
    }
}

/// Runs Pillow itself on every photograph; `PET_PYTHON` names a Python that has it.
#[test]
fn every_pixel_of_every_photograph_is_pillows() {
    let Some(folder) = originals() else { return };
    let Some(python) = std::env::var_os("PET_PYTHON") else {
        skipped("`PET_PYTHON` does not name a Python with Pillow and numpy");
        return;
    };
    let out = tempfile::tempdir().unwrap();
    let mut command = Command::new(python);
    command.arg(golden().join("make_golden.py"));
    command.arg("--photographs").arg(&folder).arg("--all").arg(out.path());
    assert!(command.status().unwrap().success());

    let mut worst = Differences::default();
    for entry in fs_err::read_dir(out.path()).unwrap() {
        let path = entry.unwrap().path();
        let photograph = folder.join(path.file_stem().unwrap()).with_extension("jpg");
        worst.include(&compare(&photograph, &path));
    }
    eprintln!("{} photographs, the worst of each: {worst:?}", worst.photographs);
    assert!(worst.photographs > 50);
    assert!(worst.bilinear <= 1 && worst.lanczos <= 2 && worst.grayscale == 0);
    assert!(worst.tensor_mean < 0.01);
}

/// Largest differences, in levels except for the tensor.
#[derive(Debug, Default)]
struct Differences {
    photographs: usize,
    decoded: u8,
    decoded_mean: f64,
    bilinear: u8,
    bilinear_mean: f64,
    lanczos: u8,
    grayscale: u8,
    tensor: f64,
    tensor_mean: f64,
}

impl Differences {
    fn include(&mut self, other: &Self) {
        self.photographs += other.photographs;
        self.decoded = self.decoded.max(other.decoded);
        self.decoded_mean = self.decoded_mean.max(other.decoded_mean);
        self.bilinear = self.bilinear.max(other.bilinear);
        self.bilinear_mean = self.bilinear_mean.max(other.bilinear_mean);
        self.lanczos = self.lanczos.max(other.lanczos);
        self.grayscale = self.grayscale.max(other.grayscale);
        self.tensor = self.tensor.max(other.tensor);
        self.tensor_mean = self.tensor_mean.max(other.tensor_mean);
    }
}

fn compare(photograph: &Path, expected: &Path) -> Differences {
    let expected = fs_err::read(expected).unwrap();
    let expected = SafeTensors::deserialize(&expected).unwrap();
    let theirs = |name| expected.tensor(name).unwrap().data();

    let ours = decode(&fs_err::read(photograph).unwrap(), &Limits::default()).unwrap().image;
    let (width, height, pixels) = levels(&expected.tensor("pixels").unwrap());
    let (decoded, decoded_mean) = level_difference(ours.as_raw(), pixels);
    // From here on from the same pixels.
    let image = RgbImage::from_raw(width, height, pixels.to_vec()).unwrap();
    let resized = |filter| resize(&image, 224, 224, filter).unwrap();
    let (bilinear, bilinear_mean) =
        level_difference(resized(Filter::Bilinear).as_raw(), theirs("bilinear"));
    let (lanczos, _) = level_difference(resized(Filter::Lanczos).as_raw(), theirs("lanczos"));
    let (grayscale, _) = level_difference(grayscale(&image).as_raw(), theirs("grayscale"));
    let (tensor, tensor_mean) = difference(&tensor_of(photograph), &floats(&expected, "tensor"));
    Differences {
        photographs: 1,
        decoded,
        decoded_mean,
        bilinear,
        bilinear_mean,
        lanczos,
        grayscale,
        tensor,
        tensor_mean,
    }
}
