//! One measured value.

/// One point of a metric's history.
///
/// The value may be NaN. Infinities are kept as ±[`f64::MAX`], which is what every MLflow store
/// makes of them; [`Metric::storable`] does it on our side, so that all stores agree.
#[derive(Debug, Clone, PartialEq)]
pub struct Metric {
    /// Name, such as `val_acc`.
    pub key: String,
    /// Measured value.
    pub value: f64,
    /// When it was measured, in milliseconds since 1970.
    pub timestamp: i64,
    /// Position on the x axis, such as the epoch; 0 where there is none.
    pub step: i64,
}

impl Metric {
    /// A metric measured at `step`, at `timestamp` milliseconds since 1970.
    pub fn new(key: impl Into<String>, value: f64, timestamp: i64, step: i64) -> Self {
        Self {
            key: key.into(),
            value,
            timestamp,
            step,
        }
    }

    /// The value as MLflow stores it: NaN stays, infinities become the largest finite numbers.
    pub fn storable(&self) -> f64 {
        if self.value.is_nan() {
            return f64::NAN;
        }
        self.value.clamp(f64::MIN, f64::MAX)
    }

    /// Whether this point replaces `other` as the latest: larger (step, timestamp, value).
    pub(crate) fn is_newer_than(&self, other: &Self) -> bool {
        let rank = |metric: &Self| (metric.step, metric.timestamp);
        // MLflow compares the stored value, which is 0 for NaN.
        let value = |metric: &Self| {
            let stored = metric.storable();
            if stored.is_nan() { 0.0 } else { stored }
        };
        rank(self) > rank(other) || (rank(self) == rank(other) && value(self) > value(other))
    }
}

/// Points as JSON, which has no NaN: that is the string `NaN`, as MLflow writes it.
pub(crate) mod list {
    use super::Metric;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    struct Point {
        key: String,
        value: Value,
        timestamp: i64,
        step: i64,
    }

    #[derive(Serialize, Deserialize)]
    #[serde(untagged)]
    enum Value {
        Number(f64),
        Text(String),
    }

    pub(crate) fn serialize<S: Serializer>(
        metrics: &[Metric],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(metrics.iter().map(|metric| {
            let value = metric.storable();
            Point {
                key: metric.key.clone(),
                value: if value.is_nan() {
                    Value::Text("NaN".to_owned())
                } else {
                    Value::Number(value)
                },
                timestamp: metric.timestamp,
                step: metric.step,
            }
        }))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<Metric>, D::Error> {
        let metric = |point: Point| {
            let value = match point.value {
                Value::Number(number) => number,
                Value::Text(text) => text.parse().map_err(serde::de::Error::custom)?,
            };
            Ok(Metric::new(point.key, value, point.timestamp, point.step))
        };
        let points = Vec::<Point>::deserialize(deserializer)?;
        points.into_iter().map(metric).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn infinities_become_finite() {
        let stored = |value| Metric::new("a", value, 0, 0).storable();
        assert_eq!(stored(f64::INFINITY).to_bits(), f64::MAX.to_bits());
        assert_eq!(stored(f64::NEG_INFINITY).to_bits(), f64::MIN.to_bits());
        assert!(stored(f64::NAN).is_nan());
    }

    #[test]
    fn the_newest_point_has_the_largest_step_then_time_then_value() {
        let point = |value, time, step| Metric::new("a", value, time, step);
        assert!(point(0.0, 1, 2).is_newer_than(&point(9.0, 9, 1)));
        assert!(point(0.0, 2, 1).is_newer_than(&point(9.0, 1, 1)));
        assert!(point(2.0, 1, 1).is_newer_than(&point(1.0, 1, 1)));
        assert!(!point(1.0, 1, 1).is_newer_than(&point(1.0, 1, 1)));
        assert!(!point(f64::NAN, 1, 1).is_newer_than(&point(1.0, 1, 1)));
    }
}
