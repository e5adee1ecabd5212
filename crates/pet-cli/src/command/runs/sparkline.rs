//! A metric's history in one line.

/// Most characters of a line.
const WIDTH: usize = 40;
/// From the lowest to the highest value.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// Where there is no number.
const GAP: char = '·';

/// The values as bars; of more than [`WIDTH`] values, each bar is the mean of several.
pub(super) fn sparkline(values: &[f64]) -> String {
    let values = condensed(values);
    let finite = || values.iter().copied().filter(|value| value.is_finite());
    let low = finite().fold(f64::INFINITY, f64::min);
    let high = finite().fold(f64::NEG_INFINITY, f64::max);
    let bar = |value: f64| {
        if !value.is_finite() {
            return GAP;
        }
        let share = if high > low {
            (value - low) / (high - low)
        } else {
            0.5
        };
        let index = (share * (BARS.len() - 1) as f64).round() as usize;
        BARS.get(index).copied().unwrap_or(GAP)
    };
    values.into_iter().map(bar).collect()
}

fn condensed(values: &[f64]) -> Vec<f64> {
    if values.len() <= WIDTH {
        return values.to_vec();
    }
    let part = |index: usize| {
        let (start, end) = (
            index * values.len() / WIDTH,
            (index + 1) * values.len() / WIDTH,
        );
        let part = values.get(start..end).unwrap_or_default();
        part.iter().sum::<f64>() / part.len().max(1) as f64
    };
    (0..WIDTH).map(part).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_is_flat_and_the_highest_full() {
        assert_eq!(sparkline(&[0.0, 0.5, 1.0]), "▁▅█");
        assert_eq!(sparkline(&[3.0, 3.0]), "▅▅");
        assert_eq!(sparkline(&[1.0, f64::NAN, 2.0]), "▁·█");
        assert_eq!(sparkline(&[]), "");
    }

    #[test]
    fn long_histories_fit() {
        let values: Vec<f64> = (0..1000).map(f64::from).collect();
        let line = sparkline(&values);
        assert_eq!(line.chars().count(), WIDTH);
        assert!(line.starts_with('▁') && line.ends_with('█'));
    }
}
