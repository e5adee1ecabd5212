//! Ids that nobody else has.

use crate::error::{Error, Result};
use std::fmt::Write as _;

/// 32 hexadecimal digits from the operating system's random source, as MLflow names runs and models.
///
/// # Errors
/// When the operating system gives no random bytes.
pub fn random_id() -> Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|source| Error::Random {
        source: source.to_string().into(),
    })?;
    Ok(bytes
        .iter()
        .fold(String::with_capacity(32), |mut id, byte| {
            // Writing to a string cannot fail.
            let _ = write!(id, "{byte:02x}");
            id
        }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_hexadecimal_and_differ() {
        let (a, b) = (random_id().unwrap(), random_id().unwrap());
        assert!(a.len() == 32 && a.chars().all(|c| c.is_ascii_hexdigit()));
        assert_ne!(a, b);
    }
}
