//! Build script of the guests that may speak TLS: what `artifacts/build.rs` links each guest with is too small for them.
//!
//! The web's root certificates alone fill a good part of the usual 256 KiB, and a handshake's verifications want more
//! than 64 KiB of stack. Arguments of a build script come after those of RUSTFLAGS, and the last one counts.

#[expect(clippy::disallowed_methods, reason = "cargo talks to build scripts by environment variables")]
fn main() {
    // The native build of a guest is empty, and its linker knows neither.
    if std::env::var("CARGO_CFG_TARGET_FAMILY").is_ok_and(|family| family == "wasm") {
        println!("cargo::rustc-link-arg-cdylib=-zstack-size=262144");
        println!("cargo::rustc-link-arg-cdylib=--initial-memory=1048576");
    }
}
