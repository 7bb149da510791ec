//! Arbitrary octets as packet, plaintext, text and member id, in both dialects: nothing panics, and
//! what decodes encodes to the same octets.
#![no_main]

#[path = "../../crates/mpenc-wire/tests/it/reencode.rs"]
mod reencode;

libfuzzer_sys::fuzz_target!(|input: &[u8]| reencode::survive(input));
