//! A body in two parts: JSON, then binary tensor data.

use actix_web::web::Bytes;

use super::malformed::Malformed;

/// The header that tells how long the JSON part is.
pub(super) const HEADER_LENGTH: &str = "inference-header-content-length";

/// Splits a body at the length that the header [`HEADER_LENGTH`] names; without the header all of
/// it is JSON.
pub(super) fn split(body: &Bytes, header: Option<&[u8]>) -> Result<(Bytes, Bytes), Malformed> {
    let Some(header) = header else {
        return Ok((body.clone(), Bytes::new()));
    };
    let length = std::str::from_utf8(header)
        .ok()
        .and_then(|text| text.parse::<usize>().ok())
        .filter(|&length| length <= body.len());
    let Some(length) = length else {
        return Err(Malformed::HeaderLength {
            body: body.len(),
            got: String::from_utf8_lossy(header).into_owned(),
        });
    };
    Ok((body.slice(..length), body.slice(length..)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_divides_the_body() {
        let body = Bytes::from_static(b"{}tail");
        let parts = |header: Option<&str>| split(&body, header.map(str::as_bytes));
        assert_eq!(parts(None).unwrap(), (body.clone(), Bytes::new()));
        assert_eq!(parts(Some("2")).unwrap().1, "tail");
        assert_eq!(parts(Some("6")).unwrap(), (body.clone(), Bytes::new()));
        for bad in ["7", "-1", "", "2.0", " 2", "99999999999999999999999"] {
            let error = parts(Some(bad)).unwrap_err().to_string();
            assert!(error.contains("0 to 6"), "{error}");
        }
        assert!(split(&body, Some(b"\xff")).is_err());
    }
}
