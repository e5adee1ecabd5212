use pet_train::Interrupt;

use crate::failure::Failure;

/// Makes Ctrl-C interrupt the work instead of ending the program.
pub(crate) fn on_ctrl_c() -> Result<Interrupt, Failure> {
    let interrupt = Interrupt::default();
    let handler = interrupt.clone();
    ctrlc::set_handler(move || handler.set()).map_err(Failure::Signal)?;
    Ok(interrupt)
}
