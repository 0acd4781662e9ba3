//! `bundles/demo`, carried in the binary and unpacked for a run: the demo works from any directory.

use anyhow::Context;
use std::path::Path;
use tempfile::TempDir;

/// Text files by their place in the bundle. The component is not in the repository: it is built with the binary.
const FILES: [(&str, &[u8]); 4] = [
    ("greentic.demo.yaml", include_bytes!("../../../bundles/demo/greentic.demo.yaml")),
    ("app/pack.toml", include_bytes!("../../../bundles/demo/app/pack.toml")),
    ("app/flows/main.ygtc", include_bytes!("../../../bundles/demo/app/flows/main.ygtc")),
    ("app/components/shout.wasm", greentic_artifacts::SHOUT),
];

/// A directory that holds the demo bundle and goes when dropped.
pub fn unpack() -> anyhow::Result<TempDir> {
    let directory = tempfile::tempdir().context("could not make a temporary directory")?;
    write(directory.path())?;
    Ok(directory)
}

/// Writes the demo bundle into `directory`.
pub fn write(directory: &Path) -> anyhow::Result<()> {
    for (name, bytes) in FILES {
        let path = directory.join(name);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).with_context(|| format!("can't make {}", parent.display()))?;
        }
        std::fs::write(&path, bytes).with_context(|| format!("can't write {}", path.display()))?;
    }
    Ok(())
}
