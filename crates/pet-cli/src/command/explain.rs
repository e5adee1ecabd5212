//! `pet-cli explain`

use std::path::{Path, PathBuf};

use clap::Args;
use pet_model::write_atomically;
use pet_predict::{ClassActivationMap, Explainer, Options};
use pet_report::heat_map_png;
use serde_json::json;

use crate::arguments::{CacheArgument, JsonArgument, LimitArguments, ModelArguments};
use crate::failure::Failure;
use crate::output;

/// From the lowest to the highest value.
const SHADES: [&str; 5] = ["··", "░░", "▒▒", "▓▓", "██"];

/// Show which regions of a photo support the predicted breed
///
/// Draws a class activation map over the photo: how much each region contributes to the prediction. For this kind of
/// network it is exact: the contributions and a constant add up to the score of the class.
#[derive(Args)]
#[command(after_help = "\
Examples:
  pet-cli explain photo.jpg                           the most likely breed; writes photo-explained.png
  pet-cli explain photo.jpg -o heat.png --class pug   what supports a pug")]
pub(crate) struct Arguments {
    /// The photo
    #[arg(value_name = "IMAGE")]
    image: PathBuf,
    /// The class to explain [default: the most probable one]
    #[arg(long, value_name = "NAME")]
    class: Option<String>,
    /// Output file, a PNG image [default: NAME-explained.png in the current folder]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    model: ModelArguments,
    #[command(flatten)]
    limits: LimitArguments,
    #[command(flatten)]
    json: JsonArgument,
    #[command(flatten)]
    cache: CacheArgument,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let content = arguments.limits.read(&arguments.image)?;
    let options = Options::default().with_image(arguments.limits.limits());
    let model = arguments.model.load(&arguments.cache, &options)?;
    let mut explainer = Explainer::new(&model)?;
    let explanation = explainer.explain(&content, arguments.class.as_deref());
    let explanation = explanation.map_err(|error| match error {
        pet_predict::Error::Image { .. } => Failure::from(error).at(&arguments.image),
        _ => error.into(),
    })?;
    let output = arguments.output.clone().unwrap_or_else(|| default_output(&arguments.image));
    let png = heat_map_png(&explanation.image, &explanation.heat_map())?;
    write_atomically(&output, &png)?;
    let map = &explanation.map;
    if arguments.json.json {
        let region = explanation.region;
        return output::json(&json!({
            "file": arguments.image,
            "output": output,
            "class": map.class,
            "probability": map.probability,
            "logit": map.logit,
            "bias": map.bias,
            // Left, top, width and height in pixels.
            "region": [region.left, region.top, region.width, region.height],
            "rows": map.values.chunks(map.width).collect::<Vec<_>>(),
        }));
    }
    output::line(format_args!("{} ({:.1} %)\n", map.class, 100.0 * map.probability))?;
    print_map(map)?;
    output::line(format_args!("\n{}", output.display()))
}

fn default_output(image: &Path) -> PathBuf {
    let mut name = image.file_stem().unwrap_or_default().to_owned();
    name.push("-explained.png");
    name.into()
}

/// Prints the map in shades of grey.
fn print_map(map: &ClassActivationMap) -> Result<(), Failure> {
    let max = map.values.iter().copied().fold(0.0, f32::max);
    let shade = |&value: &f32| {
        let share = if max > 0.0 { value.max(0.0) / max } else { 0.0 };
        let step = (share * SHADES.len() as f32) as usize;
        SHADES[step.min(SHADES.len() - 1)]
    };
    map.values.chunks(map.width.max(1)).try_for_each(|row| {
        let row: Vec<&str> = row.iter().map(shade).collect();
        output::line(format_args!("  {}", row.join("")))
    })
}
