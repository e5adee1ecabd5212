//! Timestamps in milliseconds, as in MLflow.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Milliseconds since the Unix epoch, the unit of every time in MLflow.
///
/// ```
/// use mlflow_client::Timestamp;
/// use std::time::{Duration, UNIX_EPOCH};
///
/// let time = Timestamp::from(UNIX_EPOCH + Duration::from_millis(951_782_400_250));
/// assert_eq!(time, Timestamp::from_millis(951_782_400_250));
/// assert_eq!(time.to_string(), "2000-02-29 00:00:00.250000");
/// ```
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Timestamp(#[serde(deserialize_with = "crate::json::integer")] i64);

impl Timestamp {
    /// The time this many milliseconds after the Unix epoch; before it if negative.
    pub const fn from_millis(milliseconds: i64) -> Self {
        Self(milliseconds)
    }

    /// Milliseconds since the Unix epoch.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// The current time.
    pub fn now() -> Self {
        SystemTime::now().into()
    }

    /// The time that passed since an earlier moment; zero if that moment is later.
    pub fn since(self, earlier: Self) -> Duration {
        let passed = self.0.saturating_sub(earlier.0);
        Duration::from_millis(u64::try_from(passed).unwrap_or_default())
    }
}

/// The current time, short for [`Timestamp::now`].
pub fn now() -> Timestamp {
    Timestamp::now()
}

impl From<SystemTime> for Timestamp {
    /// Rounds down to milliseconds, and to the nearest time that can be represented.
    fn from(time: SystemTime) -> Self {
        let millis = |duration: Duration| i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        Self(match time.duration_since(UNIX_EPOCH) {
            Ok(after) => millis(after),
            Err(before) => -millis(before.duration() + Duration::from_nanos(999_999)),
        })
    }
}

impl TryFrom<Timestamp> for SystemTime {
    type Error = crate::Error;

    /// Fails for a time that the operating system cannot represent.
    fn try_from(time: Timestamp) -> crate::Result<Self> {
        let distance = Duration::from_millis(time.0.unsigned_abs());
        let found = if time.0 < 0 {
            UNIX_EPOCH.checked_sub(distance)
        } else {
            UNIX_EPOCH.checked_add(distance)
        };
        let expected = "a time that the operating system can represent";
        found.ok_or_else(|| crate::limits::invalid("time", &time.0.to_string(), expected))
    }
}

impl fmt::Display for Timestamp {
    /// Writes `2026-11-23 00:49:36.972000`, UTC, as Python does.
    ///
    /// Days become a date as in Howard Hinnant's `civil_from_days`
    /// (<https://howardhinnant.github.io/date_algorithms.html>).
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let days = self.0.div_euclid(86_400_000);
        let rest = self.0.rem_euclid(86_400_000);
        let shifted = days + 719_468;
        let era = shifted.div_euclid(146_097);
        let day_of_era = shifted.rem_euclid(146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let march_month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * march_month + 2) / 5 + 1;
        let month = (march_month + 2) % 12 + 1;
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        let (seconds, millis) = (rest / 1000, rest % 1000);
        let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        write!(
            formatter,
            "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{millis:03}000"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_right() {
        let utc = |millis| Timestamp::from_millis(millis).to_string();
        assert_eq!(utc(0), "1970-01-01 00:00:00.000000");
        assert_eq!(utc(951_782_400_000), "2000-02-29 00:00:00.000000");
        assert_eq!(utc(1_795_394_976_972), "2026-11-23 00:49:36.972000");
        assert_eq!(utc(-1), "1969-12-31 23:59:59.999000");
    }

    #[test]
    fn system_times_survive() {
        for millis in [0, 1, -1, 1_795_394_976_972] {
            let time = Timestamp::from_millis(millis);
            assert_eq!(Timestamp::from(SystemTime::try_from(time).unwrap()), time);
        }
        assert_eq!(Timestamp::from_millis(5).since(Timestamp::from_millis(3)).as_millis(), 2);
        assert_eq!(Timestamp::from_millis(3).since(Timestamp::from_millis(5)), Duration::ZERO);
    }
}
