//! Draws the sample to a folder and all of it on one page, to look at.
//!
//! `cargo run -p pet-data --example contact_sheet -- FOLDER SHEET.png [COLUMNS] [SEED]`

use std::path::Path;

use pet_data::sample::{self, Options};
use pet_image::{Filter, Format, Limits, RgbImage};

const TILE: u32 = 256;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, folder, sheet, rest @ ..] = &arguments[..] else {
        return Err("expected FOLDER SHEET.png [COLUMNS] [SEED]".into());
    };
    let columns: u32 = rest.first().map_or(Ok(10), |text| text.parse())?;
    let seed = rest.get(1).map_or(Ok(42), |text| text.parse())?;
    let dataset = sample::generate(Path::new(folder), &Options { seed, ..Options::default() })?;

    let mut page = RgbImage::new(columns * TILE, dataset.classes.len() as u32 * TILE);
    for class in 0..dataset.classes.len() {
        let samples = dataset.train.iter().filter(|sample| sample.class == class);
        for (column, sample) in samples.take(columns as usize).enumerate() {
            let image = pet_image::decode(&fs_err::read(&sample.path)?, &Limits::default())?.image;
            let tile = pet_image::resize(&image, TILE, TILE, Filter::Lanczos)?;
            for (x, y, pixel) in tile.enumerate_pixels() {
                page.put_pixel(column as u32 * TILE + x, class as u32 * TILE + y, *pixel);
            }
        }
    }
    fs_err::write(sheet, pet_image::encode_rgb(&page, Format::Png)?)?;
    Ok(())
}
