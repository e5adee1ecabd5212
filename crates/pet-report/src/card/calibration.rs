//! How far the confidence can be believed.

use pet_model::{Metrics, ModelMetadata};

use super::markdown::{decimal, percent, table, text};

pub(super) fn section(metadata: &ModelMetadata, metrics: &Metrics) -> String {
    let mut section = "## Confidence\n\n".to_owned();
    section.push_str(&match metadata.temperature {
        Some(temperature) => format!(
            "The confidence is the softmax of the model's output divided by {temperature:.4}, the \
             temperature that fits the validation images best (Guo et al., \"On Calibration of Modern \
             Neural Networks\", 2017). It changes no answer, only how sure the model says it is.\n"
        ),
        None => "The confidence is the softmax of the model's output. It has not been calibrated: 0.9 \
                 does not mean right nine times out of ten.\n"
            .into(),
    });
    let measured = |(name, split): (&String, &pet_model::SplitMetrics)| {
        let calibration = split.calibration.as_ref()?;
        Some(vec![
            text(name),
            percent(calibration.error_before),
            percent(calibration.error),
            decimal(calibration.loss_before),
            decimal(split.loss),
        ])
    };
    let rows: Vec<_> = metrics.splits.iter().filter_map(measured).collect();
    if metadata.temperature.is_some() && !rows.is_empty() {
        let head = [
            "split",
            ">calibration error before",
            ">after",
            ">loss before",
            ">after",
        ];
        section.push_str(&format!("\n{}", table(&head, rows)));
    }
    section.push_str(
        "\nCalibration error is the expected calibration error in 15 bins: how far the confidence of \
         the first guess is from the share of right answers, on average.\n",
    );
    section
}
