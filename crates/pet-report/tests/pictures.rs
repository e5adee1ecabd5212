//! The pictures as an image decoder sees them.

#![expect(clippy::unwrap_used, reason = "a test may unwrap")]

use image::RgbImage;
use pet_report::{ConfusionMatrix, CurvePoint, Error, confusion_matrix_png, training_curves_png};

fn decode(png: &[u8]) -> RgbImage {
    image::load_from_memory_with_format(png, image::ImageFormat::Png).unwrap().to_rgb8()
}

/// Number of pixels near a colour.
fn count(image: &RgbImage, color: [u8; 3]) -> usize {
    let near = |pixel: &image::Rgb<u8>| pixel.0.iter().zip(color).all(|(a, b)| a.abs_diff(b) < 6);
    image.pixels().filter(|pixel| near(pixel)).count()
}

const BLUE: [u8; 3] = [0x00, 0x72, 0xb2];
const VERMILION: [u8; 3] = [0xd5, 0x5e, 0x00];
const GREEN: [u8; 3] = [0x00, 0x9e, 0x73];

fn points(epochs: usize) -> Vec<CurvePoint> {
    let point = |epoch: usize| {
        let time = epoch as f64;
        let (train_loss, val_loss) = (1.0 / time, 1.2 / time);
        CurvePoint { epoch, train_loss, train_acc: 0.9, val_loss, val_acc: 0.8 }
    };
    (1..=epochs).map(point).collect()
}

fn curves(points: &[CurvePoint]) -> RgbImage {
    decode(&training_curves_png(points, "A run").unwrap())
}

fn matrix(classes: usize, guess: impl Fn(usize) -> usize) -> (ConfusionMatrix, Vec<String>) {
    let labels: Vec<usize> = (0..classes * 3).map(|index| index % classes).collect();
    let row = |&label: &usize| {
        let mut row = vec![0.0; classes];
        row[guess(label)] = 1.0;
        row
    };
    let rows: Vec<Vec<f32>> = labels.iter().map(row).collect();
    let names = (0..classes).map(|class| format!("Breed {class}")).collect();
    (ConfusionMatrix::new(&rows, &labels, classes).unwrap(), names)
}

#[test]
fn curves_have_both_colours_for_any_number_of_epochs() {
    for epochs in [1, 2, 5, 30, 1000] {
        let image = curves(&points(epochs));
        assert_eq!(image.dimensions(), (1200, 500));
        for color in [BLUE, VERMILION, GREEN] {
            assert!(count(&image, color) > 40, "{epochs} epochs, {color:?}");
        }
    }
}

#[test]
fn the_same_curves_give_the_same_bytes() {
    let png = || training_curves_png(&points(7), "A run").unwrap();
    assert_eq!(png(), png());
}

#[test]
fn a_value_that_is_not_finite_leaves_a_gap() {
    let whole = curves(&points(9));
    let mut broken = points(9);
    for point in &mut broken[3..6] {
        point.val_loss = f64::NAN;
        point.val_acc = f64::INFINITY;
    }
    let broken = curves(&broken);
    assert!(count(&broken, VERMILION) * 5 < count(&whole, VERMILION) * 4);
    assert!(count(&broken, VERMILION) > 100);
}

#[test]
fn nothing_but_nan_is_still_a_picture() {
    let nan = f64::NAN;
    let point =
        CurvePoint { epoch: 1, train_loss: nan, train_acc: nan, val_loss: nan, val_acc: nan };
    let image = curves(&[point]);
    assert_eq!(count(&image, GREEN), 0, "there is no best epoch");
}

#[test]
fn a_matrix_is_about_1200_pixels_wide_for_37_classes_and_smaller_for_few() {
    let size = |classes| {
        let (matrix, names) = matrix(classes, |label| label);
        decode(&confusion_matrix_png(&matrix, &names, "A model").unwrap()).dimensions()
    };
    let (width, height) = size(37);
    assert!((1050..1300).contains(&width) && (1050..1300).contains(&height), "{width}x{height}");
    assert!(size(2).0 < 800);
    assert!(size(1).0 < 800);
    assert!(size(120).0 > 1300);
}

#[test]
fn right_answers_are_blue_and_mistakes_vermilion() {
    let draw = |guess: fn(usize) -> usize| {
        let (matrix, names) = matrix(6, guess);
        decode(&confusion_matrix_png(&matrix, &names, "A model").unwrap())
    };
    let (right, wrong) = (draw(|label| label), draw(|label| (label + 1) % 6));
    // Six cells of 120 by 120 pixels, less the counts in them.
    assert!(count(&right, BLUE) > 80_000 && count(&right, VERMILION) < 1_000);
    assert!(count(&wrong, VERMILION) > 80_000 && count(&wrong, BLUE) < 1_000);
}

#[test]
fn names_of_any_length_and_script_are_drawn() {
    let (matrix, _) = matrix(2, |label| label);
    let names = ["x".repeat(5_000), "Çınar 猫 \n".to_owned()];
    let image = decode(&confusion_matrix_png(&matrix, &names, &"long ".repeat(400)).unwrap());
    assert!(image.width() < 900, "{}", image.width());
}

#[test]
fn names_have_to_fit_the_matrix() {
    let (small, mut names) = matrix(3, |label| label);
    names.pop();
    let error = confusion_matrix_png(&small, &names, "").unwrap_err();
    assert_eq!(error.to_string(), "expected 3 class names for the confusion matrix, got 2");

    let (large, names) = matrix(201, |label| label);
    let error = confusion_matrix_png(&large, &names, "").unwrap_err();
    assert!(matches!(error, Error::TooManyClasses { limit: 200, got: 201 }));
    assert!(error.hint().is_some());
}
