//! Contact sheets of photographs.

use pet_image::{Filter, RgbImage, resize};

use crate::Error;
use crate::canvas::{Align, Canvas, Text};
use crate::colors::{EMPTY, FAINT_INK, INK, VERMILION};

const COLUMNS: usize = 5;
/// The most photographs on a sheet.
const MAX_TILES: usize = 100;
const TOP: u32 = 74;
const MARGIN: u32 = 24;
const GAP: u32 = 18;
/// The box that photographs are scaled to fit.
const BOX: (u32, u32) = (220, 176);
/// Height of the three lines of text below.
const CAPTION: u32 = 76;

/// A photograph with its captions.
#[derive(Clone, Copy, Debug)]
pub struct Tile<'a> {
    /// The photograph; `None` if it cannot be read.
    pub photograph: Option<&'a RgbImage>,
    /// The first line, such as the class.
    pub title: &'a str,
    /// The second line, in the colour of mistakes.
    pub problem: &'a str,
    /// The third line, small, such as the file name.
    pub name: &'a str,
}

/// Draws up to 100 photographs in rows of five as a PNG, or the text `empty` if there are none. Long captions are
/// shortened.
///
/// # Errors
///
/// [`Error::Picture`] for a photograph without pixels, and [`Error::Font`], [`Error::Canvas`] or [`Error::Encode`] if
/// the picture cannot be made.
pub fn contact_sheet_png(
    tiles: &[Tile<'_>],
    title: &str,
    note: &str,
    empty: &str,
) -> Result<Vec<u8>, Error> {
    let tiles = tiles.get(..MAX_TILES).unwrap_or(tiles);
    let rows = tiles.len().div_ceil(COLUMNS).max(1) as u32;
    let columns = COLUMNS as u32;
    let width = 2 * MARGIN + columns * BOX.0 + (columns - 1) * GAP;
    let height = TOP + rows * (BOX.1 + CAPTION) + MARGIN;
    let mut canvas = Canvas::new(width, height)?;
    let center = width as f32 / 2.0;
    let room = width as f32 - 48.0;
    canvas.fitted(title, room, (center, 26.0), Text::new(20.0, INK, Align::Middle));
    let faint = Text::new(14.0, FAINT_INK, Align::Middle);
    canvas.fitted(note, room, (center, 51.0), faint);
    if tiles.is_empty() {
        canvas.text(empty, (center, height as f32 / 2.0), faint);
    }
    for (index, tile) in tiles.iter().enumerate() {
        let (column, row) = (index % COLUMNS, index / COLUMNS);
        let left = MARGIN + column as u32 * (BOX.0 + GAP);
        let top = TOP + row as u32 * (BOX.1 + CAPTION);
        draw(&mut canvas, tile, (left, top))?;
    }
    canvas.photographic_png()
}

fn draw(canvas: &mut Canvas, tile: &Tile<'_>, (left, top): (u32, u32)) -> Result<(), Error> {
    let (x, y) = (left as f32, top as f32);
    let (width, height) = (BOX.0 as f32, BOX.1 as f32);
    canvas.rectangle((x, y), width, height, EMPTY);
    if let Some(photograph) = tile.photograph {
        let thumbnail = thumbnail(photograph)?;
        let corner =
            (left + (BOX.0 - thumbnail.width()) / 2, top + (BOX.1 - thumbnail.height()) / 2);
        canvas.photograph(&thumbnail, corner);
    }
    let lines = [
        (tile.title, 14.0, INK, 14.0),
        (tile.problem, 14.0, VERMILION, 33.0),
        (tile.name, 11.0, FAINT_INK, 51.0),
    ];
    for (text, size, color, below) in lines {
        let style = Text::new(size, color, Align::Start);
        canvas.fitted(text, width, (x, y + height + below), style);
    }
    Ok(())
}

/// Scales the photograph to fit the box.
fn thumbnail(photograph: &RgbImage) -> Result<RgbImage, Error> {
    let (width, height) = photograph.dimensions();
    let scale = (BOX.0 as f32 / width.max(1) as f32).min(BOX.1 as f32 / height.max(1) as f32);
    let extent = |extent: u32, max: u32| ((extent as f32 * scale).round() as u32).clamp(1, max);
    let (width, height) = (extent(width, BOX.0), extent(height, BOX.1));
    resize(photograph, width, height, Filter::Lanczos).map_err(|source| Error::Picture { source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thumbnail_keeps_its_shape_and_fits_the_box() {
        let size = |width, height| thumbnail(&RgbImage::new(width, height)).unwrap().dimensions();
        assert_eq!(size(500, 375), (220, 165));
        assert_eq!(size(375, 500), (132, 176));
        assert_eq!(size(20, 20), (176, 176));
        assert_eq!(size(4000, 1), (220, 1));
    }

    #[test]
    fn any_number_of_photographs_makes_a_sheet() {
        let photograph = RgbImage::from_pixel(30, 40, [200, 30, 30].into());
        let tile = Tile {
            photograph: Some(&photograph),
            title: "American Pit Bull Terrier",
            problem: "→ Staffordshire Bull Terrier",
            name: "american_pit_bull_terrier_123456789.jpg",
        };
        for count in [0, 1, 5, 6, 101] {
            let png = contact_sheet_png(&vec![tile; count], "Photographs", "", "none").unwrap();
            let sheet = image::load_from_memory(&png).unwrap();
            let rows = count.clamp(1, MAX_TILES).div_ceil(COLUMNS) as u32;
            assert_eq!(sheet.height(), TOP + rows * (BOX.1 + CAPTION) + MARGIN);
        }
    }
}
