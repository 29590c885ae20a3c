//! A server on a thread of its own, stopped and joined on drop.
//!
//! A thread with its own runtime rather than a task: the server then works the same for callers without a runtime, for
//! single-threaded test runtimes, and for callers that block.

use std::future::Future;
use std::io;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::oneshot;

/// How long leftover file operations may take when a server stops.
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(2);

/// Owner of a background thread running one server.
#[derive(Debug)]
pub(crate) struct Background {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Background {
    /// Starts `server` on a thread called `name`; it runs until the owner is dropped or the future ends.
    pub(crate) fn spawn<F, S>(name: &str, server: F) -> io::Result<Background>
    where
        F: FnOnce() -> S + Send + 'static,
        S: Future<Output = ()>,
    {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                runtime.block_on(async move {
                    tokio::select! {
                        () = server() => {}
                        // An error means the owner is gone, which asks for the same.
                        _ = stopped => {}
                    }
                });
                runtime.shutdown_timeout(SHUTDOWN_LIMIT);
            })?;
        Ok(Background {
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // It fails only when the thread has ended already.
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            // A panic in the server thread has been printed; a second one here would abort.
            let _ = thread.join();
        }
    }
}
