//! Builds every guest component with a nested cargo and writes one constant a guest.
//!
//! The nested build has its own target directory, shared by all guests and never the outer one (the outer cargo holds
//! that one's lock), and none of the outer build's flags and wrappers: clippy's would leak in and rebuild everything.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Package and the name of its constant.
const GUESTS: [(&str, &str); 15] = [
    ("greentic-guest-edge", "EDGE"),
    ("greentic-guest-telegram", "TELEGRAM"),
    ("greentic-guest-egress-nats", "EGRESS_NATS"),
    ("greentic-guest-spin-session-redis", "SPIN_SESSION_REDIS"),
    ("greentic-guest-spin-variables", "SPIN_VARIABLES"),
    ("greentic-guest-composed-session-redis", "COMPOSED_SESSION_REDIS"),
    ("greentic-guest-composed-environment", "COMPOSED_ENVIRONMENT"),
    ("greentic-guest-composed-egress-nats", "COMPOSED_EGRESS_NATS"),
    ("greentic-guest-composed-egress-direct", "COMPOSED_EGRESS_DIRECT"),
    ("greentic-guest-composed-egress-trigger", "COMPOSED_EGRESS_TRIGGER"),
    ("greentic-example-shout", "SHOUT"),
    ("greentic-example-lookup-tool", "LOOKUP_TOOL"),
    ("greentic-example-misbehave", "MISBEHAVE"),
    ("greentic-example-hello-http", "HELLO_HTTP"),
    ("greentic-example-probe-http", "PROBE_HTTP"),
];

const TARGET: &str = "wasm32-wasip2";

/// Guests' linking: a stack of 64 KiB instead of 1 MiB, and 256 KiB of memory from the start: stack, data and heap of an
/// ordinary request fit, so it never grows (a system call each time), and the host resets all of it by copying
/// (`KEEP_RESIDENT_BYTES` in host/src/engine).
const LINK: [&str; 2] = ["-Clink-arg=-zstack-size=65536", "-Clink-arg=--initial-memory=262144"];

fn main() {
    if let Err(reason) = run() {
        // A build script speaks by its exit status and its standard error; cargo shows both.
        eprintln!("{reason}");
        std::process::exit(1);
    }
}

fn run() -> Result<(), String> {
    let manifest = PathBuf::from(variable("CARGO_MANIFEST_DIR")?);
    let root = manifest.ancestors().nth(2).ok_or("no workspace above guest-adapters/artifacts")?;
    let out = PathBuf::from(variable("OUT_DIR")?);
    let target = root.join("target").join("guests");
    ensure_target()?;

    let mut cargo = Command::new(variable("CARGO")?);
    cargo
        .current_dir(root)
        .args(["build", "--locked", "--profile", "guest", "--target", TARGET, "--target-dir"])
        .arg(&target);
    for (package, _) in GUESTS {
        cargo.args(["--package", package]);
    }
    for leaking in [
        "RUSTFLAGS",
        "RUSTC_WORKSPACE_WRAPPER",
        "RUSTC_WRAPPER",
        "CARGO_BUILD_TARGET",
        "CARGO_TARGET_DIR",
        "RUSTDOCFLAGS",
        "CARGO_BUILD_RUSTFLAGS",
        "CLIPPY_ARGS",
        "CLIPPY_CONF_DIR",
        "CARGO_MAKEFLAGS",
        "MAKEFLAGS",
    ] {
        cargo.env_remove(leaking);
    }
    cargo.env("CARGO_ENCODED_RUSTFLAGS", LINK.join("\u{1f}"));
    let built = cargo.output().map_err(|error| format!("cargo did not start: {error}"))?;
    if !built.status.success() {
        return Err(format!("the guest components do not build:\n{}", String::from_utf8_lossy(&built.stderr)));
    }

    let products = target.join(TARGET).join("guest");
    let mut code = String::new();
    for (package, constant) in GUESTS {
        let file = package.replace('-', "_");
        let wasm = products.join(format!("{file}.wasm"));
        code.push_str(&format!("/// `{package}`.\npub const {constant}: &[u8] = include_bytes!({wasm:?});\n"));
        watch(&products.join(format!("{file}.d")), root)?;
    }
    let names: Vec<String> =
        GUESTS.iter().map(|(_, constant)| format!("$each!({});", constant.to_lowercase())).collect();
    code.push_str(&format!(
        "/// Calls a macro once for each guest, by its constant's name in lower case: tests use it to prove that none is\n\
         /// without one.\n#[macro_export]\nmacro_rules! foreach_guest {{\n    ($each:ident) => {{ {} }};\n}}\n",
        names.join(" ")
    ));
    std::fs::write(out.join("guests.rs"), code).map_err(|error| format!("{}: {error}", out.display()))?;
    for path in ["Cargo.toml", "Cargo.lock", "guest-adapters/artifacts/build.rs"] {
        println!("cargo::rerun-if-changed={}", root.join(path).display());
    }
    Ok(())
}

/// The dependency file lists sources and WIT but no manifest, so each package's own is added.
fn watch(dependencies: &Path, root: &Path) -> Result<(), String> {
    let text = std::fs::read_to_string(dependencies).map_err(|error| format!("{}: {error}", dependencies.display()))?;
    let files = text.split_once(':').map(|(_, files)| files).unwrap_or_default();
    for file in files.split_whitespace() {
        println!("cargo::rerun-if-changed={file}");
        let manifests = Path::new(file).ancestors().map(|folder| folder.join("Cargo.toml"));
        if let Some(manifest) = manifests.take_while(|path| path.starts_with(root)).find(|path| path.is_file()) {
            println!("cargo::rerun-if-changed={}", manifest.display());
        }
    }
    Ok(())
}

/// rustup installs the target from `rust-toolchain.toml` by itself unless that is switched off; then this does it, so
/// that a fresh clone builds without a step before.
fn ensure_target() -> Result<(), String> {
    let sysroot = Command::new(variable("RUSTC")?)
        .args(["--print", "sysroot"])
        .output()
        .map_err(|error| format!("rustc did not start: {error}"))?;
    let sysroot = PathBuf::from(String::from_utf8_lossy(&sysroot.stdout).trim());
    if sysroot.join("lib/rustlib").join(TARGET).is_dir() {
        return Ok(());
    }
    let remedy = format!("run: rustup target add {TARGET}");
    let added = Command::new("rustup").args(["target", "add", TARGET]).output();
    match added {
        Ok(added) if added.status.success() => Ok(()),
        Ok(added) => Err(format!("{remedy}\n{}", String::from_utf8_lossy(&added.stderr))),
        Err(error) => Err(format!("the Rust target {TARGET} is missing; {remedy} ({error})")),
    }
}

#[expect(clippy::disallowed_methods, reason = "cargo talks to build scripts by environment variables")]
fn variable(name: &str) -> Result<String, String> {
    std::env::var(name).map_err(|_| format!("cargo did not set {name}"))
}
