//! Any octets as the body of a frame: what decodes encodes to the same octets.

use mpenc_relay::{Frame, decode_frame};

/// Octets of a frame's length.
const HEADER: usize = 4;

pub(crate) fn run(input: &[u8]) {
    let frame = match decode_frame(input) {
        Ok(frame) => frame,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    let encoded = match &frame {
        Frame::Client(frame) => frame.encode(),
        Frame::Server(frame) => frame.encode(),
    };
    let (length, body) = encoded.split_at(HEADER);
    assert_eq!(length, u32::try_from(input.len()).unwrap().to_be_bytes());
    assert_eq!(body, input, "{frame:?}");
}
