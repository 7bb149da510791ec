//! Frames out of a stream of octets.

use std::io;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::MalformedFrame;
use crate::frame::HEADER;

/// The room made for each read.
const CHUNK: usize = 8 * 1024;

/// Why there is no next frame.
#[derive(Debug)]
pub(crate) enum ReadError {
    /// The connection failed.
    Io(io::Error),
    /// The next frame says that it is too long: nothing after it can be understood.
    Malformed(MalformedFrame),
}

/// Reads bodies of frames.
pub(crate) struct FrameReader<R> {
    io: R,
    buffer: BytesMut,
    limit: usize,
}

impl<R: AsyncRead + Unpin> FrameReader<R> {
    /// Reads frames whose bodies have at most `limit` octets.
    pub(crate) fn new(io: R, limit: usize) -> Self {
        Self { io, buffer: BytesMut::new(), limit }
    }

    pub(crate) fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    /// The body of the next frame, or `None` at the end of the stream (inside a frame, too: a
    /// connection may drop anywhere).
    ///
    /// Cancel-safe: what has been read stays in the buffer. The buffer grows by what arrives, not
    /// by what a header promises.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, ReadError> {
        loop {
            if let Some(body) = self.take_buffered().map_err(ReadError::Malformed)? {
                return Ok(Some(body));
            }
            self.buffer.reserve(CHUNK);
            if self.io.read_buf(&mut self.buffer).await.map_err(ReadError::Io)? == 0 {
                return Ok(None);
            }
        }
    }

    fn take_buffered(&mut self) -> Result<Option<Bytes>, MalformedFrame> {
        let Some(header) = self.buffer.first_chunk() else { return Ok(None) };
        let octets = usize::try_from(u32::from_be_bytes(*header)).unwrap_or(usize::MAX);
        if octets > self.limit {
            return Err(MalformedFrame::TooLong { octets, limit: self.limit });
        }
        if self.buffer.len().saturating_sub(HEADER) < octets {
            return Ok(None);
        }
        self.buffer.advance(HEADER);
        Ok(Some(self.buffer.split_to(octets).freeze()))
    }

    /// Reads and forgets everything up to the end of the stream.
    ///
    /// A socket that is closed with unread octets resets its connection, and the reset may overtake
    /// the sentence that says why we close.
    pub(crate) async fn discard(&mut self) {
        loop {
            self.buffer.clear();
            self.buffer.reserve(CHUNK);
            if !matches!(self.io.read_buf(&mut self.buffer).await, Ok(1..)) {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn frames_come_whole_however_they_are_cut() {
        let octets = b"\x00\x00\x00\x02ab\x00\x00\x00\x00\x00\x00\x00\x01c\x00\x00\x00\x05trunc";
        for size in 1..octets.len() {
            let (mut ours, theirs) = tokio::io::duplex(size);
            let write = async {
                tokio::io::AsyncWriteExt::write_all(&mut ours, &octets[..22]).await.unwrap();
                drop(ours);
            };
            let read = async {
                let mut reader = FrameReader::new(theirs, 5);
                let mut bodies = Vec::new();
                while let Some(body) = reader.next().await.unwrap() {
                    bodies.push(body);
                }
                bodies
            };
            let ((), bodies) = tokio::join!(write, read);
            assert_eq!(bodies, [&b"ab"[..], b"", b"c"]);
        }
    }

    #[tokio::test]
    async fn a_long_frame_is_refused_by_its_header() {
        let mut reader = FrameReader::new(&b"\x00\x00\x00\x06"[..], 5);
        assert!(matches!(
            reader.next().await,
            Err(ReadError::Malformed(MalformedFrame::TooLong { octets: 6, limit: 5 }))
        ));
    }
}
