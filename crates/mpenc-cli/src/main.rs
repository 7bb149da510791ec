//! The program `mpenc`: see the library of this crate.

use std::process::ExitCode;

fn main() -> ExitCode {
    mpenc_cli::main()
}
