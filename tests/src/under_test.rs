//! The `greentic-edge` binary, built as this package's own so that tests can find it.

fn main() -> std::process::ExitCode {
    greentic_edge::main()
}
