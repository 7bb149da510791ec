//! The program `mpenc`.
fn main() {}
