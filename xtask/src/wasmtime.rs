//! The `wasmtime` command that the portability tests serve components with: built once into `target/tools`.

use anyhow::{Context, bail};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The version of our own engine (Cargo.toml), so that a difference is never the engine's.
const VERSION: &str = "48.0.8";

/// `serve` and what running a component needs. `component-model-async` because 48.0.8 does not build `serve` without it.
const FEATURES: &str = "serve,run,cranelift,parallel-compilation,pooling-allocator,component-model-async";

/// Installs it unless it is there. Takes minutes the first time.
pub fn ensure() -> anyhow::Result<()> {
    let tools = root().join("target/tools");
    if is_there(&tools.join("bin/wasmtime")) {
        return Ok(());
    }
    eprintln!("building wasmtime {VERSION} into {} (once; some minutes)", tools.display());
    let status = Command::new("cargo")
        .current_dir(root())
        .args(["install", "wasmtime-cli", "--version", VERSION, "--locked"])
        .args(["--no-default-features", "--features", FEATURES, "--root"])
        .arg(&tools)
        .arg("--target-dir")
        // Not the workspace's: its lock is held by whoever builds there.
        .arg(root().join("target/tools-build"))
        // It compiles components and waits for servers: quick enough so, and built in half the time.
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1")
        .env("CARGO_PROFILE_RELEASE_DEBUG", "false")
        .env("CARGO_PROFILE_RELEASE_LTO", "off")
        .status()
        .context("cargo did not start")?;
    if !status.success() {
        bail!("wasmtime {VERSION} could not be built; without --with-wasmtime the tests that need it are skipped");
    }
    Ok(())
}

fn is_there(program: &Path) -> bool {
    let told = Command::new(program).arg("--version").output();
    told.is_ok_and(|told| String::from_utf8_lossy(&told.stdout).split_whitespace().nth(1) == Some(VERSION))
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_is_of_the_engines_version() {
        let manifest = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
        assert!(manifest.contains(&format!("wasmtime = {{ version = \"={VERSION}\"")));
    }
}
