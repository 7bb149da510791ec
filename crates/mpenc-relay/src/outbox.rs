//! What waits to be sent to one client: a queue bounded in frames and in octets.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::{Bytes, BytesMut};
use tokio::sync::{mpsc, oneshot};

use crate::Limits;

/// How many octets are gathered into one write, unless a single frame is longer.
const BATCH: usize = 64 * 1024;

/// The hub's end. Dropping it lets the client still read what waits; cutting it does not.
pub(crate) struct Outlet {
    frames: mpsc::Sender<Bytes>,
    queued: Arc<AtomicUsize>,
    limit: usize,
    cut: oneshot::Sender<()>,
}

/// The connection's end.
pub(crate) struct Outbox {
    /// What waits.
    pub(crate) queue: Queue,
    /// Resolves when the hub lets the client go: with a value if the outlet was cut.
    pub(crate) released: oneshot::Receiver<()>,
}

/// The frames that wait, in order.
pub(crate) struct Queue {
    frames: mpsc::Receiver<Bytes>,
    queued: Arc<AtomicUsize>,
}

/// The queue is full: its client does not read fast enough.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Full;

/// A queue for one client.
pub(crate) fn outbox(limits: &Limits) -> (Outlet, Outbox) {
    // Tokio's channels take neither 0 nor numbers near usize::MAX.
    let (sender, receiver) = mpsc::channel(limits.queue_frames.clamp(1, 1 << 24));
    let (cut, released) = oneshot::channel();
    let queued = Arc::new(AtomicUsize::new(0));
    let outlet = Outlet { frames: sender, queued: queued.clone(), limit: limits.queue_octets, cut };
    (outlet, Outbox { queue: Queue { frames: receiver, queued }, released })
}

impl Outlet {
    /// Queues a frame. Only one thread at a time may do this (the hub's lock sees to it).
    pub(crate) fn offer(&self, frame: &Bytes) -> Result<(), Full> {
        let queued = self.queued.load(Ordering::Relaxed);
        // A frame longer than the limit must still be able to pass, alone.
        if queued > 0 && queued.saturating_add(frame.len()) > self.limit {
            return Err(Full);
        }
        // Counted before it can be taken, so that the count never goes below zero.
        self.queued.fetch_add(frame.len(), Ordering::Relaxed);
        match self.frames.try_send(frame.clone()) {
            // A closed queue is a connection that is ending: it says so itself.
            Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => Ok(()),
            Err(mpsc::error::TrySendError::Full(_)) => {
                self.queued.fetch_sub(frame.len(), Ordering::Relaxed);
                Err(Full)
            }
        }
    }

    /// Ends the connection at once: what waits is lost.
    pub(crate) fn cut(self) {
        // The connection may have ended by itself.
        let _ = self.cut.send(());
    }
}

impl Queue {
    /// Appends the frames that wait to `out`, at least one, and more as long as it stays small;
    /// `false` after the last one, when the hub has let the client go.
    ///
    /// Several at once, so that a reader of many small frames keeps up with a writer of them.
    pub(crate) async fn next(&mut self, out: &mut BytesMut) -> bool {
        let Some(first) = self.frames.recv().await else { return false };
        out.extend_from_slice(&first);
        while out.len() < BATCH {
            let Ok(frame) = self.frames.try_recv() else { break };
            out.extend_from_slice(&frame);
        }
        true
    }

    /// So many octets have been written, and take no more room.
    pub(crate) fn written(&self, octets: usize) {
        self.queued.fetch_sub(octets, Ordering::Relaxed);
    }
}
