//! What the operating system asks of the service.

use std::io::Result;

use actix_web::rt;

use crate::Handle;

impl Handle {
    /// Listens to the process's signals from now on: `SIGTERM` and `SIGINT` (Ctrl-C) stop the
    /// service, `SIGHUP` reloads the model. For programs; must be called inside
    /// [`block_on`](crate::block_on).
    ///
    /// # Errors
    /// The operating system's, when it does not let the process listen.
    #[cfg(unix)]
    pub fn obey_signals(&self) -> Result<()> {
        use tokio::signal::unix::{SignalKind, signal};

        for kind in [SignalKind::terminate(), SignalKind::interrupt()] {
            let (handle, mut signals) = (self.clone(), signal(kind)?);
            rt::spawn(async move {
                if signals.recv().await.is_some() {
                    handle.stop().await;
                }
            });
        }
        let (handle, mut signals) = (self.clone(), signal(SignalKind::hangup())?);
        rt::spawn(async move {
            while signals.recv().await.is_some() {
                // How it went is in the log.
                let _ = handle.reload().await;
            }
        });
        Ok(())
    }

    /// Listens to Ctrl-C from now on, which stops the service. For programs; must be called inside
    /// [`block_on`](crate::block_on).
    ///
    /// # Errors
    /// None on this system.
    #[cfg(not(unix))]
    pub fn obey_signals(&self) -> Result<()> {
        let handle = self.clone();
        rt::spawn(async move {
            if tokio::signal::ctrl_c().await.is_ok() {
                handle.stop().await;
            }
        });
        Ok(())
    }
}
