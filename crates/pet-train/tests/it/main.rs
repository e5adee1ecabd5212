//! The networks and the weights of pet-train, checked from outside against PyTorch, whose numbers
//! `tests/golden/make_golden.py` wrote.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
#![expect(clippy::print_stderr, reason = "skipped tests are reported")]

mod backbone;
mod damaged_weights;
mod golden;
mod weights;
