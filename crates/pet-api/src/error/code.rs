//! The closed table of refusals.

use actix_web::http::StatusCode;

#[doc = include_str!("../../ERRORS.md")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Code {
    /// A parameter of the request makes no sense.
    BadParameter,
    /// The request itself is malformed, such as a broken multipart body.
    BadRequest,
    /// The file is no image, or a damaged one.
    Undecodable,
    /// The token is missing or wrong.
    Unauthorized,
    /// The page of another site asks, where only this service's own page and programs may.
    CrossSite,
    /// There is nothing at this path.
    NotFound,
    /// The path does not take this method.
    MethodNotAllowed,
    /// The body did not arrive in time.
    UploadTimeout,
    /// The upload or the picture in it is too large.
    TooLarge,
    /// An image, but not in a format that is read here.
    UnsupportedFormat,
    /// The body is compressed in a way that is not read here.
    UnsupportedEncoding,
    /// The field `file` is missing.
    MissingFile,
    /// Too much waits already.
    Busy,
    /// The service itself failed.
    Internal,
    /// The service takes no work: it is stopping.
    NotReady,
    /// The work was not done in time.
    DeadlinePassed,
    /// No more corrections fit.
    Full,
}

impl Code {
    /// Every code, in the order of its status.
    pub const ALL: [Self; 17] = [
        Self::BadParameter,
        Self::BadRequest,
        Self::Undecodable,
        Self::Unauthorized,
        Self::CrossSite,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::UploadTimeout,
        Self::TooLarge,
        Self::UnsupportedFormat,
        Self::UnsupportedEncoding,
        Self::MissingFile,
        Self::Busy,
        Self::Internal,
        Self::NotReady,
        Self::DeadlinePassed,
        Self::Full,
    ];

    /// The HTTP status.
    pub const fn status(self) -> u16 {
        match self {
            Self::BadParameter | Self::BadRequest | Self::Undecodable => 400,
            Self::Unauthorized => 401,
            Self::CrossSite => 403,
            Self::NotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::UploadTimeout => 408,
            Self::TooLarge => 413,
            Self::UnsupportedFormat | Self::UnsupportedEncoding => 415,
            Self::MissingFile => 422,
            Self::Busy => 429,
            Self::Internal => 500,
            Self::NotReady => 503,
            Self::DeadlinePassed => 504,
            Self::Full => 507,
        }
    }

    /// The name in the JSON answer.
    pub const fn name(self) -> &'static str {
        match self {
            Self::BadParameter => "bad_parameter",
            Self::BadRequest => "bad_request",
            Self::Undecodable => "undecodable",
            Self::Unauthorized => "unauthorized",
            Self::CrossSite => "cross_site",
            Self::NotFound => "not_found",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::UploadTimeout => "upload_timeout",
            Self::TooLarge => "too_large",
            Self::UnsupportedFormat => "unsupported_format",
            Self::UnsupportedEncoding => "unsupported_encoding",
            Self::MissingFile => "missing_file",
            Self::Busy => "busy",
            Self::Internal => "internal",
            Self::NotReady => "not_ready",
            Self::DeadlinePassed => "deadline_passed",
            Self::Full => "full",
        }
    }

    /// What it says, for the documentation.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::BadParameter => "A parameter of the request makes no sense.",
            Self::BadRequest => "The request is malformed, such as a broken multipart body.",
            Self::Undecodable => "The file is no image, or a damaged one.",
            Self::Unauthorized => "The token is missing or wrong.",
            Self::CrossSite => "The page of another site asks for what only this one's may.",
            Self::NotFound => "There is nothing at this path.",
            Self::MethodNotAllowed => "The path does not take this method.",
            Self::UploadTimeout => "The body did not arrive in time.",
            Self::TooLarge => {
                "The upload or the picture in it is above a limit, which `detail` names."
            }
            Self::UnsupportedFormat => "An image, but not in a format that is read here.",
            Self::UnsupportedEncoding => "The body is compressed in a way that is not read here.",
            Self::MissingFile => "The field `file` is missing.",
            Self::Busy => "Too many requests wait already.",
            Self::Internal => "The service itself failed; its log says why.",
            Self::NotReady => "The service takes no work: it is stopping.",
            Self::DeadlinePassed => "The work was not done in time.",
            Self::Full => "No more corrections fit.",
        }
    }

    /// Seconds after which another try may succeed, for `Retry-After`.
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
    fn the_table_in_the_documentation_is_this_one() {
        let documented = include_str!("../../ERRORS.md");
        let rows = documented
            .lines()
            .filter(|line| line.contains("| `") && !line.contains("status"));
        assert_eq!(rows.count(), Code::ALL.len());
        for code in Code::ALL {
            let row = format!("| {} | `{}` |", code.status(), code.name());
            assert!(documented.contains(&row), "{row}");
        }
    }

    #[test]
    fn every_code_is_listed_once_with_a_status_of_its_own_kind() {
        let names: HashSet<_> = Code::ALL.iter().map(|code| code.name()).collect();
        assert_eq!(names.len(), Code::ALL.len());
        assert!(Code::ALL.is_sorted_by_key(|code| code.status()));
        for code in Code::ALL {
            assert_eq!(code.status_code().as_u16(), code.status());
        }
    }
}
