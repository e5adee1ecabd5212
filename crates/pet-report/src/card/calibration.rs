//! The section on confidence.

use pet_model::{Metrics, ModelMetadata, SplitMetrics, split_title};

use super::markdown::{decimal, percent, table, text};

pub(super) fn section(metadata: &ModelMetadata, metrics: &Metrics) -> String {
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
    let rows: Vec<_> = metrics.splits.iter().filter_map(row).collect();
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

fn row((key, split): (&String, &SplitMetrics)) -> Option<Vec<String>> {
    let calibration = split.calibration.as_ref()?;
    Some(vec![
        text(&split_title(key)),
        percent(calibration.error_before),
        percent(calibration.error),
        decimal(calibration.loss_before),
        decimal(split.loss),
    ])
}
