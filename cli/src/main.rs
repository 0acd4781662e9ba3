//! The `greentic-edge` binary. Everything is in the library, so that tests can run the same program.

fn main() -> std::process::ExitCode {
    greentic_edge::main()
}
