//! The codes of errors.

use actix_web::http::StatusCode;

/// Defines the enum: the meaning of each code, its variant, its status, and its name in JSON.
macro_rules! table {
    ($(#[doc = $meaning:literal] $code:ident = $status:literal, $name:literal;)*) => {
        #[doc = include_str!("../../ERRORS.md")]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code {
            $(#[doc = $meaning] $code,)*
        }

        impl Code {
            /// Every code, by status.
            pub const ALL: [Self; [$($status),*].len()] = [$(Self::$code),*];

            /// The HTTP status.
            pub const fn status(self) -> u16 {
                match self { $(Self::$code => $status,)* }
            }

            /// Its name in JSON.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$code => $name,)* }
            }

            /// Its meaning, for the documentation.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$code => $meaning.trim_ascii(),)* }
            }
        }
    };
}

table! {
    /// A parameter of the request is invalid.
    BadParameter = 400, "bad_parameter";
    /// The request is malformed, such as a broken multipart body.
    BadRequest = 400, "bad_request";
    /// The file is not an image, or is damaged.
    Undecodable = 400, "undecodable";
    /// The token is missing or wrong.
    Unauthorized = 401, "unauthorized";
    /// Only the service's own page may send this request, not another site's.
    CrossSite = 403, "cross_site";
    /// This path does not exist.
    NotFound = 404, "not_found";
    /// The path does not support this method.
    MethodNotAllowed = 405, "method_not_allowed";
    /// The body did not arrive in time.
    UploadTimeout = 408, "upload_timeout";
    /// The upload or its image exceeds a limit, which `detail` names.
    TooLarge = 413, "too_large";
    /// The image format is not supported.
    UnsupportedFormat = 415, "unsupported_format";
    /// The compression of the body is not supported.
    UnsupportedEncoding = 415, "unsupported_encoding";
    /// The field `file` is missing.
    MissingFile = 422, "missing_file";
    /// Too many requests are already waiting.
    Busy = 429, "busy";
    /// The service itself failed; its log has the cause.
    Internal = 500, "internal";
    /// The service accepts no work because it is stopping.
    NotReady = 503, "not_ready";
    /// The work was not finished in time.
    DeadlinePassed = 504, "deadline_passed";
    /// No more corrections can be saved, or no more models can be loaded.
    Full = 507, "full";
}

impl Code {
    /// Seconds after which a retry may succeed, for `Retry-After`.
    pub const fn retry_after(self) -> Option<u32> {
        match self {
            Self::Busy => Some(1),
            Self::NotReady => Some(5),
            _ => None,
        }
    }

    pub(crate) fn status_code(self) -> StatusCode {
        StatusCode::from_u16(self.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_code_is_documented() {
        let documented = include_str!("../../ERRORS.md");
        let rows =
            documented.lines().filter(|line| line.contains("| `") && !line.contains("status"));
        assert_eq!(rows.count(), Code::ALL.len());
        for code in Code::ALL {
            let row = format!("| {} | `{}` |", code.status(), code.name());
            assert!(documented.contains(&row), "{row}");
        }
    }

    #[test]
    fn codes_are_unique_and_sorted_by_valid_statuses() {
        let names: HashSet<_> = Code::ALL.iter().map(|code| code.name()).collect();
        assert_eq!(names.len(), Code::ALL.len());
        assert!(Code::ALL.is_sorted_by_key(|code| code.status()));
        for code in Code::ALL {
            assert_eq!(code.status_code().as_u16(), code.status());
        }
    }
}
