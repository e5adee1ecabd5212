//! The section on the int8 model.

use pet_model::{INT8_MODEL_FILE, Metrics, Quantization};

use super::markdown::{percent, table};

pub(super) fn section(metrics: &Metrics) -> Option<String> {
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
