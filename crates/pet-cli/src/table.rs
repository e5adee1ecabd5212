//! Tables, and short forms of what is in them.

use std::iter::once;

use mlflow_client::Timestamp;

use crate::failure::Failure;
use crate::output;

/// The letters after which a text may be wrapped.
const BREAKS: [char; 3] = [' ', '_', '/'];
/// The minimum width of a column of text whose words are broken.
const LEAST: usize = 8;

/// Prints a table. Columns whose heading starts with `>` are right-aligned; the text in others is wrapped to fit the table
/// into `COLUMNS` or the terminal. In a pipe or a file, each row is one line.
pub(crate) fn print(
    heads: &[&str],
    rows: impl IntoIterator<Item = Vec<String>>,
) -> Result<(), Failure> {
    lines(heads, &Vec::from_iter(rows), width()).iter().try_for_each(output::line)
}

fn width() -> usize {
    let columns = std::env::var("COLUMNS").ok();
    let columns = columns.and_then(|text| text.parse().ok());
    let terminal = || {
        let (width, _) = terminal_size::terminal_size_of(std::io::stdout())?;
        Some(width.0.into())
    };
    columns.or_else(terminal).unwrap_or(usize::MAX)
}

fn lines(heads: &[&str], rows: &[Vec<String>], width: usize) -> Vec<String> {
    let widths = fitted(heads, rows, width);
    let titles = heads.iter().map(|head| title(head).to_owned()).collect();
    let columns = || heads.iter().zip(&widths);
    let print = |row: &Vec<String>| {
        let cells = row.iter().zip(columns());
        let cells: Vec<(Vec<&str>, bool, usize)> = cells
            .map(|(cell, (head, &width))| (wrapped(cell, width), is_right(head), width))
            .collect();
        let height = cells.iter().map(|(lines, ..)| lines.len()).max();
        let line = |index| {
            let parts = cells.iter().map(|&(ref lines, right, width)| {
                let text = lines.get(index).copied().unwrap_or_default();
                if right { format!("{text:>width$}") } else { format!("{text:width$}") }
            });
            parts.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        };
        (0..height.unwrap_or(0)).map(line).collect::<Vec<_>>()
    };
    once(&titles).chain(rows).flat_map(print).collect()
}

fn is_right(head: &str) -> bool {
    head.starts_with('>')
}

fn title(head: &str) -> &str {
    head.trim_start_matches('>')
}

/// The widths of the columns in a table of at most `limit` characters. The widest texts are wrapped first, between words as
/// long as that is enough.
fn fitted(heads: &[&str], rows: &[Vec<String>], limit: usize) -> Vec<usize> {
    let longest = |measure: fn(&str) -> usize| -> Vec<usize> {
        let column = |(column, head): (usize, &&str)| {
            let cells = rows.iter().filter_map(|row| row.get(column));
            let cells = cells.map(|cell| measure(cell)).max();
            cells.unwrap_or(0).max(measure(title(head)))
        };
        heads.iter().enumerate().map(column).collect()
    };
    let mut widths = longest(length);
    let spaces = 2 * heads.len().saturating_sub(1);
    for least in [longest(longest_word), vec![LEAST; heads.len()]] {
        while widths.iter().sum::<usize>() + spaces > limit {
            let columns = widths.iter_mut().zip(heads).zip(&least);
            let columns =
                columns.filter(|((width, head), least)| !is_right(head) && **width > **least);
            let Some(((widest, _), _)) = columns.max_by_key(|((width, _), _)| **width) else {
                break;
            };
            *widest -= 1;
        }
    }
    widths
}

fn length(text: &str) -> usize {
    text.chars().count()
}

fn longest_word(text: &str) -> usize {
    let words = text.split_inclusive(BREAKS);
    let lengths = words.map(|word| length(word.trim_end()));
    lengths.max().unwrap_or(0)
}

/// The lines of a text of at most `width` characters each.
fn wrapped(text: &str, width: usize) -> Vec<&str> {
    let (mut lines, mut rest) = (Vec::new(), text);
    while let Some((end, _)) = rest.char_indices().nth(width.max(1)) {
        let (fitting, beyond) = rest.split_at(end);
        let word = fitting.rfind(BREAKS).map(|place| place + 1);
        let word = word.filter(|_| !beyond.starts_with(' '));
        let (line, after) = rest.split_at(word.unwrap_or(end));
        lines.push(line.trim_end());
        rest = after.trim_start();
    }
    lines.push(rest);
    lines
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

/// A prefix of a run's ID, which `runs show` accepts.
pub(crate) fn short_id(id: &str) -> &str {
    id.get(..10).unwrap_or(id)
}

/// A time to the second.
pub(crate) fn short_time(time: Timestamp) -> String {
    let mut text = time.to_string();
    text.truncate(19);
    text
}

/// The start of a run's ID, or `-`.
pub(crate) fn run_id(id: Option<&str>) -> String {
    optional(id.map(short_id))
}

#[cfg(test)]
mod tests {
    use super::{lines, number, wrapped};

    #[test]
    fn the_widest_text_is_wrapped_to_the_width() {
        let heads = [">took", "data set", "name"];
        let rows = [["1.0 s", "my pets", "mobilenet_v2_bs32"]];
        let rows = rows.map(|row| row.map(str::to_owned).to_vec());
        let printed = |width| lines(&heads, &rows, width);
        let whole = [" took  data set  name", "1.0 s  my pets   mobilenet_v2_bs32"];
        assert_eq!(printed(34), whole);
        let two = ["1.0 s  my pets   mobilenet_v2_", "                 bs32"];
        assert_eq!(printed(33), [&whole[..1], &two].concat());
        let narrow = printed(24);
        assert!(narrow.iter().all(|line| line.chars().count() <= 24), "{narrow:?}");
        assert_eq!(narrow.len(), 4, "{narrow:?}");
    }

    #[test]
    fn texts_are_wrapped_between_words_if_possible() {
        assert_eq!(wrapped("", 5), [""]);
        assert_eq!(wrapped("no image", 8), ["no image"]);
        assert_eq!(wrapped("no image", 7), ["no", "image"]);
        assert_eq!(wrapped("an image", 2), ["an", "im", "ag", "e"]);
        assert_eq!(wrapped("Cat/ä_1.jpg", 6), ["Cat/ä_", "1.jpg"]);
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
