//! Ctrl-C.
//!
//! The terminal sends it to the running program as well, which ends its work in order (`pet-cli
//! train` marks its run as killed). This program therefore waits for it instead of dying at once.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::Error;

static REQUESTED: AtomicBool = AtomicBool::new(false);

/// Listens for Ctrl-C and for signals to end, from now on.
pub(crate) fn listen() -> Result<(), Error> {
    ctrlc::set_handler(|| REQUESTED.store(true, Ordering::Relaxed))
        .map_err(|source| Error::Handler { source })
}

/// Whether somebody wants this program to end.
pub(crate) fn requested() -> bool {
    REQUESTED.load(Ordering::Relaxed)
}
