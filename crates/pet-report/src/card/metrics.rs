//! The sections on what was measured: metrics, classes, precision and confidence.

use pet_model::{
    CONFUSION_FILE, CURVES_FILE, ClassMetrics, INT8_MODEL_FILE, Metrics, ModelMetadata,
    Quantization, SplitMetrics, split_title,
};

use super::markdown::{code, decimal, percent, picture, table, text};

/// More classes than this are reduced to the weakest and the strongest.
const FEW_CLASSES: usize = 12;
/// Number of weakest and of strongest classes listed.
const EXTREMES: usize = 5;

pub(super) fn section(metadata: &ModelMetadata, metrics: &Metrics) -> String {
    let mut section = "## Metrics\n\n".to_owned();
    let refit = metrics.refit_of().map(|run| {
        format!(
            "This is a refit of run {}: the same recipe, also trained on the validation images. The metrics on \
             validation images, the temperature and the curves are from that run, which was not trained on them.\n\n",
            code(run)
        )
    });
    section.extend(refit);
    if metrics.splits.is_empty() {
        section.push_str("No split has been evaluated yet.\n");
    } else {
        let columns = Columns::of(metadata, metrics);
        let rows = metrics.splits.iter().map(|(name, split)| columns.row(name, split));
        section.push_str(&table(&columns.head(), rows));
        section.push_str(
            "\nThe interval is the Wilson interval of the top-1 accuracy. Loss is the mean cross-entropy in nats; \
             macro F1 is the mean of the classes' F1 scores. Computed by:\n\n",
        );
        let commands = metrics.splits.iter();
        section.extend(commands.map(|(key, split)| {
            let name = text(&split_title(key));
            format!("- {name}: {}\n", code(&split.command))
        }));
    }
    section.push('\n');
    section.push_str(&picture("Training and validation loss and accuracy per epoch", CURVES_FILE));
    section
}

/// Optional columns of the table of splits.
struct Columns {
    top5: bool,
    calibration: bool,
}

impl Columns {
    fn of(metadata: &ModelMetadata, metrics: &Metrics) -> Self {
        let mut splits = metrics.splits.values();
        Self {
            top5: metadata.classes.len() > 5,
            calibration: splits.any(|split| split.calibration.is_some()),
        }
    }

    fn head(&self) -> Vec<&'static str> {
        let mut head = vec!["split", ">images", ">top-1", ">95 % interval"];
        head.extend(self.top5.then_some(">top-5"));
        head.extend([">loss", ">macro F1"]);
        head.extend(self.calibration.then_some(">calibration error"));
        head
    }

    fn row(&self, key: &str, split: &SplitMetrics) -> Vec<String> {
        let (low, high) = split.top1_interval();
        let name = text(&split_title(key));
        let mut row = vec![name, split.images.to_string(), percent(split.top1)];
        row.push(format!("{} to {}", percent(low), percent(high)));
        row.extend(self.top5.then(|| percent(split.top5)));
        row.extend([decimal(split.loss), decimal(split.macro_f1)]);
        if self.calibration {
            let error = split.calibration.as_ref().map(|one| percent(one.error));
            row.push(error.unwrap_or_else(|| "–".into()));
        }
        row
    }
}

/// The best and worst classes on the test images, or on another split without those.
pub(super) fn classes(metrics: &Metrics) -> String {
    let mut section = "## Metrics by class\n\n".to_owned();
    let measured = |name: &str| Some((name.to_owned(), ranked(metrics.splits.get(name)?)));
    let splits = metrics.splits.keys().map(String::as_str);
    let found = ["test", "validation"]
        .into_iter()
        .chain(splits)
        .filter_map(measured)
        .find(|(_, classes)| !classes.is_empty());
    if let Some((split, classes)) = found {
        section.push_str(&listing(&split, &classes));
        section.push('\n');
    }
    section.push_str(&picture("Confusion matrix", CONFUSION_FILE));
    section
}

/// The classes that have images, lowest F1 first, then by name.
fn ranked(split: &SplitMetrics) -> Vec<(&str, &ClassMetrics)> {
    let mut classes: Vec<_> = split
        .classes
        .iter()
        .filter(|(_, class)| class.images > 0)
        .map(|(name, class)| (name.as_str(), class))
        .collect();
    classes.sort_by(|left, right| left.1.f1.total_cmp(&right.1.f1));
    classes
}

fn listing(split: &str, classes: &[(&str, &ClassMetrics)]) -> String {
    let split = text(split);
    if classes.len() <= FEW_CLASSES {
        return format!("On the {split} images, weakest first:\n\n{}", class_table(classes.iter()));
    }
    let (weakest, strongest) = (&classes[..EXTREMES], &classes[classes.len() - EXTREMES..]);
    format!(
        "Weakest on the {split} images:\n\n{}\nStrongest:\n\n{}",
        class_table(weakest.iter()),
        class_table(strongest.iter().rev())
    )
}

fn class_table<'a>(classes: impl Iterator<Item = &'a (&'a str, &'a ClassMetrics)>) -> String {
    let rows = classes.map(|(name, class)| {
        let shares = [class.precision, class.recall].map(percent);
        let mut row = vec![text(name), class.images.to_string()];
        row.extend(shares);
        row.push(decimal(class.f1));
        row
    });
    table(&["class", ">images", ">precision", ">recall", ">F1"], rows)
}

pub(super) fn precision(metrics: &Metrics) -> Option<String> {
    let Quantization {
        images,
        calibration_images,
        top1_fp32,
        top1_int8,
        agreement,
        fp32_layers,
        layers,
        bytes_fp32,
        bytes_int8,
    } = metrics.quantization.as_ref()?;
    let row = |name: &str, top1: f64, bytes: u64| {
        let megabytes = bytes as f64 / 1e6;
        vec![name.to_owned(), percent(top1), format!("{megabytes:.1} MB")]
    };
    let rows = [row("fp32", *top1_fp32, *bytes_fp32), row("int8", *top1_int8, *bytes_int8)];
    let head = ["precision", ">top-1 on validation images", ">size"];
    let trained = if metrics.refit_of().is_some() {
        " It was also trained on these, so only the difference is meaningful."
    } else {
        ""
    };
    let which = match fp32_layers {
        0 => format!("all {layers} convolutions"),
        1 => format!("all {layers} convolutions but the first"),
        _ => format!("all {layers} convolutions but the first {fp32_layers}"),
    };
    Some(format!(
        "## Precision\n\n\
         `{INT8_MODEL_FILE}` is the same model in 8-bit integers: {which}, weights with one scale per filter, ranges from \
         {calibration_images} validation images. On {images} validation images its \
         prediction agrees with fp32 on {}.{trained}\n\n{}",
        percent(*agreement),
        table(&head, rows)
    ))
}

pub(super) fn confidence(metadata: &ModelMetadata, metrics: &Metrics) -> String {
    let meaning = match metadata.temperature {
        Some(temperature) => format!(
            "The confidence is the softmax of the model's output divided by {temperature:.4}, the \
             temperature that fits the validation images best (Guo et al., \"On Calibration of Modern \
             Neural Networks\", 2017). It does not change predictions, only the confidence."
        ),
        None => "The confidence is the softmax of the model's output. It has not been calibrated: 0.9 does not mean \
                 that nine out of ten predictions are right."
            .into(),
    };
    let rows: Vec<_> = metrics.splits.iter().filter_map(calibration_row).collect();
    let mut parts = vec![format!("## Confidence\n\n{meaning}\n")];
    if !rows.is_empty() {
        if metadata.temperature.is_some() {
            let (before, loss) = (">calibration error before", ">loss before");
            parts.push(table(&["split", before, ">after", loss, ">after"], rows));
        }
        parts.push(
            "Calibration error is the expected calibration error in 15 bins: the average difference between the \
             confidence of the top prediction and the share of correct predictions.\n"
                .into(),
        );
    }
    parts.join("\n")
}

fn calibration_row((key, split): (&String, &SplitMetrics)) -> Option<Vec<String>> {
    let calibration = split.calibration.as_ref()?;
    Some(vec![
        text(&split_title(key)),
        percent(calibration.error_before),
        percent(calibration.error),
        decimal(calibration.loss_before),
        decimal(split.loss),
    ])
}
