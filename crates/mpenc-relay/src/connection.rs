//! One client's connection, from the relay's side.

use std::sync::Arc;

use bytes::BytesMut;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::frame::MAX_HELLO;
use crate::hub::{ConnectionId, Refusal};
use crate::outbox::{Outbox, outbox};
use crate::reader::{FrameReader, ReadError};
use crate::server::Shared;
use crate::{ClientFrame, Frame, LeaveCause, MAX_BODY, MalformedFrame, ServerFrame, VERSION};

/// How many frames of a client are taken in a row. Thousands may come with one read; what they cause
/// must be written, to this client too, before the next ones fill the queues.
const TURN: u32 = 32;

/// Serves a client from its first octet to its last. Ends in bounded time once the client has left
/// or the relay closes, whatever the client does.
pub(crate) async fn serve(
    stream: TcpStream,
    id: ConnectionId,
    shared: Arc<Shared>,
    mut closing: watch::Receiver<bool>,
) {
    // Small frames must not wait for each other. If it fails, they do.
    let _ = stream.set_nodelay(true);
    let (read, mut write) = stream.into_split();
    let mut reader = FrameReader::new(read, MAX_HELLO);
    let handshake = timeout(shared.limits.handshake_timeout, enter(&mut reader, id, &shared));
    let entered = tokio::select! {
        entered = handshake => {
            entered.unwrap_or_else(|_| Err(Some("you did not say in time who you are".to_owned())))
        }
        _ = closing.wait_for(|closing| *closing) => Err(Some(Refusal::Closing.to_string())),
    };
    let stay = match entered {
        Ok(outbox) => converse(&mut reader, &mut write, id, &shared, outbox).await,
        Err(Some(reason)) => {
            shared.hub().count_refused();
            let frame = ServerFrame::Refused { reason: &reason }.encode();
            // One short frame: an empty socket takes it at once.
            timeout(shared.limits.drain_timeout, write.write_all(&frame)).await.is_ok()
        }
        Err(None) => false,
    };
    if stay {
        let goodbye = async {
            // A client that is gone already is as good as one that has read everything.
            let _ = write.shutdown().await;
            reader.discard().await;
        };
        let _ = timeout(shared.limits.drain_timeout, goodbye).await;
    }
}

/// The handshake: the client's Hello. An error holds the sentence that refuses the client, or
/// nothing if it is gone.
async fn enter(
    reader: &mut FrameReader<OwnedReadHalf>,
    id: ConnectionId,
    shared: &Shared,
) -> Result<Outbox, Option<String>> {
    let body = match reader.next().await {
        Ok(Some(body)) => body,
        Ok(None) | Err(ReadError::Io(_)) => return Err(None),
        Err(ReadError::Malformed(error)) => return Err(Some(error.to_string())),
    };
    let hello = crate::decode_frame(&body).and_then(|frame| match frame {
        Frame::Client(ClientFrame::Hello { version, room, name }) => Ok((version, room, name)),
        frame => Err(MalformedFrame::OutOfPlace(frame.kind())),
    });
    let (version, room, name) = hello.map_err(|error| Some(error.to_string()))?;
    if version != VERSION {
        return Err(Some(Refusal::Version(version).to_string()));
    }
    let (outlet, outbox) = outbox(&shared.limits);
    let entered = shared.hub().enter(id, room, name, outlet);
    entered.map_err(|refusal| Some(refusal.to_string()))?;
    reader.set_limit(MAX_BODY);
    Ok(outbox)
}

/// From the Welcome on. Says whether the client may still be reading.
async fn converse(
    reader: &mut FrameReader<OwnedReadHalf>,
    write: &mut OwnedWriteHalf,
    id: ConnectionId,
    shared: &Shared,
    outbox: Outbox,
) -> bool {
    let Outbox { mut queue, released } = outbox;
    let writing = async {
        let mut frames = BytesMut::new();
        while queue.next(&mut frames).await {
            if write.write_all(&frames).await.is_err() {
                return false;
            }
            queue.written(frames.len());
            frames.clear();
        }
        true
    };
    let mut writing = std::pin::pin!(writing);
    tokio::select! {
        written = &mut writing => {
            // Either the hub has let the client go, and this changes nothing; or it is gone.
            shared.hub().leave(id, LeaveCause::Disconnected);
            return written;
        }
        () = listen(reader, id, shared) => {}
        cut = released => if cut.is_ok() {
            // The client does not read, so there is no use in waiting for it.
            return false;
        }
    }
    timeout(shared.limits.drain_timeout, writing).await.unwrap_or(false)
}

/// Does what the client says, until it has left.
async fn listen(reader: &mut FrameReader<OwnedReadHalf>, id: ConnectionId, shared: &Shared) {
    let mut in_a_row = 0;
    loop {
        let body = match reader.next().await {
            Ok(Some(body)) => body,
            Ok(None) | Err(ReadError::Io(_)) => {
                return shared.hub().leave(id, LeaveCause::Disconnected);
            }
            Err(ReadError::Malformed(error)) => return shared.hub().expel(id, &error.to_string()),
        };
        match crate::decode_frame(&body) {
            Ok(Frame::Client(ClientFrame::Send { packet })) => shared.hub().send(id, packet),
            Ok(Frame::Client(ClientFrame::Remove { name })) => shared.hub().remove(id, name),
            Ok(Frame::Client(ClientFrame::Leave)) => {
                return shared.hub().leave(id, LeaveCause::Left);
            }
            Ok(frame) => {
                let error = MalformedFrame::OutOfPlace(frame.kind());
                return shared.hub().expel(id, &error.to_string());
            }
            Err(error) => return shared.hub().expel(id, &error.to_string()),
        }
        in_a_row += 1;
        if in_a_row == TURN {
            in_a_row = 0;
            tokio::task::yield_now().await;
        }
    }
}
