//! Tables.

use crate::failure::Failure;
use crate::output;

/// Prints a table. Columns whose heading starts with `>` are right-aligned.
pub(crate) fn print(heads: &[&str], rows: &[Vec<String>]) -> Result<(), Failure> {
    let widths = widths(heads, rows);
    let print_row = |cells: &mut dyn Iterator<Item = &str>| {
        let cells = cells.zip(heads).zip(&widths);
        let cells = cells.map(|((cell, head), width)| {
            if head.starts_with('>') {
                format!("{cell:>width$}")
            } else {
                format!("{cell:width$}")
            }
        });
        output::line(cells.collect::<Vec<_>>().join("  ").trim_end())
    };
    print_row(&mut heads.iter().map(|head| head.trim_start_matches('>')))?;
    rows.iter()
        .try_for_each(|row| print_row(&mut row.iter().map(String::as_str)))
}

/// Prints a table whose last column is shortened to the width of the terminal, if it is printed to one.
pub(crate) fn print_fitted(heads: &[&str], mut rows: Vec<Vec<String>>) -> Result<(), Failure> {
    if let Some((width, _)) = terminal_size::terminal_size() {
        fit(heads, &mut rows, width.0.into());
    }
    print(heads, &rows)
}

fn fit(heads: &[&str], rows: &mut [Vec<String>], width: usize) {
    let others = heads.len().saturating_sub(1);
    let widths = widths(heads, rows).into_iter().take(others);
    let taken: usize = widths.map(|width| width + 2).sum();
    for last in rows.iter_mut().filter_map(|row| row.get_mut(others)) {
        *last = start_of(last, width.saturating_sub(taken));
    }
}

/// The width of each column.
pub(crate) fn widths(heads: &[&str], rows: &[Vec<String>]) -> Vec<usize> {
    let length = |text: &str| text.chars().count();
    let width = |(column, head): (usize, &&str)| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        let widest = cells.map(|cell| length(cell)).max().unwrap_or(0);
        widest.max(length(head.trim_start_matches('>')))
    };
    heads.iter().enumerate().map(width).collect()
}

/// A number with four decimal places, or `-`. MLflow stores infinity as the largest number.
pub(crate) fn number(value: Option<f64>) -> String {
    optional(value.map(|value| match value {
        _ if value.abs() >= f64::MAX => format!("{}", f64::INFINITY.copysign(value)),
        _ if value.abs() >= 1e9 => format!("{value:.4e}"),
        _ => format!("{value:.4}"),
    }))
}

/// A value, or `-`.
pub(crate) fn optional(value: Option<impl ToString>) -> String {
    value.map_or("-".into(), |value| value.to_string())
}

/// Shortens a text to `width` characters. Keeps the end, which is the file name of a path.
pub(crate) fn end_of(text: &str, width: usize) -> String {
    let length = text.chars().count();
    if length <= width {
        return text.to_owned();
    }
    let end = text.chars().skip(length + 1 - width.max(1));
    std::iter::once('…').chain(end).collect()
}

/// Shortens a text to `width` characters. Keeps the start.
pub(crate) fn start_of(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let start = text.chars().take(width.saturating_sub(1));
    start.chain(std::iter::once('…')).collect()
}

#[cfg(test)]
mod tests {
    use super::{end_of, fit, number, start_of};

    #[test]
    fn the_last_column_is_shortened_to_the_width() {
        let heads = [">took", "name"];
        let row = |name: &str| vec!["1.0 s".to_owned(), name.to_owned()];
        let mut rows = [row("mobilenet_v2"), row("short")];
        fit(&heads, &mut rows, 15);
        assert_eq!(rows, [row("mobilen…"), row("short")]);
    }

    #[test]
    fn long_texts_keep_their_start() {
        assert_eq!(start_of("no image", 8), "no image");
        assert_eq!(start_of("no image", 5), "no i…");
        assert_eq!(start_of("no image", 0), "…");
    }

    #[test]
    fn long_texts_keep_their_end() {
        assert_eq!(end_of("Pug/1.jpg", 9), "Pug/1.jpg");
        assert_eq!(end_of("Pug/1.jpg", 6), "…1.jpg");
        assert_eq!(end_of("Pug/1.jpg", 0), "…");
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!(number(None), "-");
        assert_eq!(number(Some(0.5)), "0.5000");
        assert_eq!(number(Some(-f64::MAX)), "-inf");
        assert_eq!(number(Some(f64::NAN)), "NaN");
        assert_eq!(number(Some(1.5e30)), "1.5000e30");
    }
}
