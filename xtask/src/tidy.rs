//! What no compiler checks: every file says what it is for, and the map names every crate.

use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn files(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && !matches!(name.as_str(), "target" | ".git") {
            files(&path, ending, found);
        } else if name.ends_with(ending) {
            found.push(path);
        }
    }
}

#[test]
fn every_source_file_opens_with_what_it_is_for() {
    let mut sources = Vec::new();
    files(&root(), ".rs", &mut sources);
    assert!(sources.len() > 50);
    let silent: Vec<_> =
        sources.into_iter().filter(|path| !std::fs::read_to_string(path).unwrap().starts_with("//!")).collect();
    assert!(silent.is_empty(), "no //! at the top: {silent:?}");
}

#[test]
fn no_source_file_has_outgrown_a_reader() {
    let mut sources = Vec::new();
    files(&root(), ".rs", &mut sources);
    let large: Vec<_> = sources
        .into_iter()
        .map(|path| (std::fs::read_to_string(&path).unwrap().lines().count(), path))
        .filter(|(lines, _)| *lines > 700)
        .collect();
    assert!(large.is_empty(), "split these: {large:?}");
}

#[test]
fn the_architecture_names_every_crate() {
    let map = std::fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let mut manifests = Vec::new();
    files(&root(), "Cargo.toml", &mut manifests);
    for manifest in manifests {
        let folder = manifest.parent().unwrap().strip_prefix(root()).unwrap().to_owned();
        if folder.as_os_str().is_empty() {
            continue;
        }
        assert!(map.contains(&format!("`{}", folder.display())), "ARCHITECTURE.md does not name {}", folder.display());
    }
}

#[test]
fn the_host_knows_no_flow_and_no_channel() {
    let manifest = std::fs::read_to_string(root().join("host/Cargo.toml")).unwrap();
    assert!(!manifest.contains("greentic-flow") && !manifest.contains("greentic-channels"));
}

#[test]
fn the_changelog_has_an_entry_for_this_version() {
    let log = std::fs::read_to_string(root().join("CHANGELOG.md")).unwrap();
    assert!(log.contains(&format!("## {}", env!("CARGO_PKG_VERSION"))));
}

#[test]
fn every_fuzz_target_is_built_and_has_seeds() {
    let manifest = std::fs::read_to_string(root().join("fuzz/Cargo.toml")).unwrap();
    let mut targets = Vec::new();
    files(&root().join("fuzz/targets"), ".rs", &mut targets);
    assert!(targets.len() >= 10);
    for target in &targets {
        let name = target.file_stem().unwrap().to_string_lossy();
        assert!(manifest.contains(&format!("name = \"{name}\"\npath = \"targets/{name}.rs\"")), "no [[bin]]: {name}");
        let seeds = std::fs::read_dir(root().join("fuzz/seeds").join(&*name));
        assert!(seeds.is_ok_and(|seeds| seeds.count() >= 5), "fewer than 5 files in fuzz/seeds/{name}");
    }
    assert_eq!(manifest.matches("[[bin]]").count(), targets.len());
}
