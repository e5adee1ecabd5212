//! The results folder is complete, consistent and can be served.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod files;
mod model;
