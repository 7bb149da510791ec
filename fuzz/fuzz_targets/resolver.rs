//! See `mpenc_fuzz`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| mpenc_fuzz::run("resolver", input));
