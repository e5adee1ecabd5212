//! What the crate promises, checked from outside: against Pillow, against damaged files, and for
//! any size and content.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
#![expect(clippy::print_stderr, reason = "skipped tests and measurements are reported")]

mod augment;
mod golden;
mod grid;
mod hostile;
mod photographs;
mod properties;
mod support;
mod tiff;
