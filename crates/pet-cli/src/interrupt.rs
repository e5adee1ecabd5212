//! Ctrl-C.

use pet_train::Interrupt;

use crate::failure::Failure;

/// From now on Ctrl-C asks the work to stop, instead of ending the program in the middle of it.
pub(crate) fn on_ctrl_c() -> Result<Interrupt, Failure> {
    let interrupt = Interrupt::default();
    let handler = interrupt.clone();
    ctrlc::set_handler(move || handler.set()).map_err(Failure::Signal)?;
    Ok(interrupt)
}
