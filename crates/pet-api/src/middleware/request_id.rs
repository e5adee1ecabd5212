//! The name by which a request is found in the log.

use actix_web::dev::ServiceRequest;

/// The header that carries it, in the request and in the answer.
pub(super) const HEADER: &str = "x-request-id";

/// Characters that a client's own name may have.
const LONGEST: usize = 64;

/// The client's own name for its request, if it is a decent one; else a new one.
pub(super) fn request_id(request: &ServiceRequest) -> String {
    let given = request.headers().get(HEADER);
    let given = given.and_then(|value| value.to_str().ok());
    given
        .filter(|id| is_decent(id))
        .map_or_else(new, ToOwned::to_owned)
}

/// Nothing that could break a line of the log or be taken for something else.
fn is_decent(id: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    (1..=LONGEST).contains(&id.len()) && id.bytes().all(fits)
}

/// 64 random bits in hexadecimal; zeros where the system has no randomness.
fn new() -> String {
    format!("{:016x}", getrandom::u64().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_differ_and_are_decent() {
        assert_ne!(new(), new());
        assert!(is_decent(&new()));
        for bad in ["", "a b", "a\"b", "ä", &"x".repeat(65)] {
            assert!(!is_decent(bad), "{bad}");
        }
    }
}
