//! Writes pictures of made-up classifiers into a folder, to be looked at:
//!
//! ```sh
//! cargo run -p pet-report --example pictures -- /tmp/pictures
//! ```

use std::error::Error;
use std::path::PathBuf;

use fs_err as fs;
use pet_report::{ConfusionMatrix, CurvePoint, confusion_matrix_png, training_curves_png};

const NAMES: [&str; 6] =
    ["Abyssinian", "Staffordshire Bull Terrier", "Pug", "British Shorthair", "Boxer", "Maine Coon"];

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(std::env::args().nth(1).ok_or("which folder?")?);
    fs::create_dir_all(&folder)?;
    for (classes, images) in [(2, 25), (6, 25), (37, 20), (60, 300)] {
        let names = (0..classes).map(|class| format!("{} {class}", NAMES[class % NAMES.len()]));
        let names: Vec<String> = names.collect();
        let matrix = made_up_matrix(classes, images)?;
        let title = format!("Confusion matrix, {classes} classes (made up)");
        let png = confusion_matrix_png(&matrix, &names, &title)?;
        fs::write(folder.join(format!("confusion_{classes}.png")), png)?;
    }
    for epochs in [1, 5, 30, 200] {
        let png =
            training_curves_png(&made_up_curves(epochs), "mobilenet_v2_bs32_lr0.001 (made up)")?;
        fs::write(folder.join(format!("curves_{epochs}.png")), png)?;
    }
    let mut diverged = made_up_curves(8);
    for point in &mut diverged[4..6] {
        (point.train_loss, point.val_loss) = (f64::NAN, f64::INFINITY);
    }
    fs::write(folder.join("curves_gap.png"), training_curves_png(&diverged, "A gap")?)?;
    Ok(())
}

/// Mostly right, with mistakes spread by a fixed rule.
fn made_up_matrix(classes: usize, images: usize) -> Result<ConfusionMatrix, pet_report::Error> {
    let mut rows = Vec::new();
    let mut labels = Vec::new();
    for class in 0..classes {
        for image in 0..images {
            let draw = (class * 7919 + image * 104_729 + 13) % 101;
            let wrong = match draw {
                0..4 => (class * 5 + image) % classes,
                4..13 if class % 4 != 2 => (class * 3 + 1) % classes,
                _ => class,
            };
            let mut row = vec![0.0; classes];
            row[wrong] = 1.0;
            rows.push(row);
            labels.push(class);
        }
    }
    ConfusionMatrix::new(&rows, &labels, classes)
}

/// A fast start, then little; validation turns at two thirds.
fn made_up_curves(epochs: usize) -> Vec<CurvePoint> {
    let point = |epoch: usize| {
        let time = epoch as f64 / epochs.max(5) as f64;
        let wobble = ((epoch * 37 % 11) as f64 - 5.0) / 400.0;
        let fall = (-5.0 * time).exp();
        let late = (time - 0.66).max(0.0);
        CurvePoint {
            epoch,
            train_loss: 0.12 + 1.9 * fall + wobble / 2.0,
            train_acc: 0.985 - 0.45 * fall + wobble / 4.0,
            val_loss: 0.31 + 1.5 * fall + 0.3 * late + wobble,
            val_acc: 0.915 - 0.35 * fall - 0.05 * late - wobble,
        }
    };
    (1..=epochs).map(point).collect()
}
