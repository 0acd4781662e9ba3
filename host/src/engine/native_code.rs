//! Precompiled code on this machine's disk: Cranelift once per component, a file mapping ever after.
//!
//! Mapping such a file trusts it completely, so the cache is ours alone: its directory belongs to this user and nobody
//! else may write there, or it is refused. It is never part of a pack and never downloaded. The one `unsafe` of the
//! host lives here.

use std::hash::{Hash, Hasher};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use wasmtime::Engine;
use wasmtime::component::Component;

#[derive(Debug, thiserror::Error)]
pub enum NativeCodeError {
    #[error("the code cache {path} can't be used: {reason}")]
    Directory { path: PathBuf, reason: String },
    #[error("the code cache {path} can't be written")]
    Write { path: PathBuf, source: std::io::Error },
    #[error("component does not compile: {0}")]
    Compile(String),
    #[error("precompiled code {path} can't be loaded: {reason}; delete the file")]
    Load { path: PathBuf, reason: String },
    #[error("{reason}; a component of several parts needs a larger wasm.max_parts (serve-component: --parts)")]
    TooManyParts { reason: String },
    #[error("engine: {0}")]
    Engine(String),
}

/// The cache directory, checked.
#[derive(Debug, Clone)]
pub struct NativeCode {
    directory: PathBuf,
}

impl NativeCode {
    /// Opens the cache, making it (mode 0700) when it isn't there.
    pub fn open(directory: &Path) -> Result<NativeCode, NativeCodeError> {
        let refuse = |reason: String| NativeCodeError::Directory { path: directory.to_owned(), reason };
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)
            .map_err(|error| refuse(error.to_string()))?;
        let metadata = std::fs::metadata(directory).map_err(|error| refuse(error.to_string()))?;
        if metadata.uid() != rustix::process::geteuid().as_raw() {
            return Err(refuse("it belongs to another user; set wasm.cache_dir".into()));
        }
        if metadata.mode() & 0o022 != 0 {
            return Err(refuse("others may write to it; `chmod go-w` it or set wasm.cache_dir".into()));
        }
        Ok(NativeCode { directory: directory.to_owned() })
    }

    /// The component, from the cache when it was compiled before by an engine with the same settings.
    pub fn load(&self, engine: &Engine, wasm: &[u8]) -> Result<Component, NativeCodeError> {
        let path = self.directory.join(format!("{}.cwasm", key(engine, wasm)));
        if !path.exists() {
            let _turn = self.lock()?;
            if path.exists() {
                return map(engine, &path);
            }
            let code =
                engine.precompile_component(wasm).map_err(|error| NativeCodeError::Compile(format!("{error:#}")))?;
            self.store(&path, &code)?;
        }
        map(engine, &path)
    }

    /// Compiling takes all cores for seconds: processes that start together take turns, and all but the first find the
    /// code there. The lock goes with the file handle, so a process that dies holds up nobody.
    fn lock(&self) -> Result<std::fs::File, NativeCodeError> {
        let path = self.directory.join("compiling.lock");
        let lock = || {
            let file = std::fs::OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path)?;
            file.lock()?;
            Ok(file)
        };
        lock().map_err(|source| NativeCodeError::Write { path: path.clone(), source })
    }

    /// Written beside and renamed, so that a crash or a second process never shows half a file.
    fn store(&self, path: &Path, code: &[u8]) -> Result<(), NativeCodeError> {
        let beside = path.with_extension(format!("{}.tmp", std::process::id()));
        let write = || -> std::io::Result<()> {
            let mut file =
                std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
            file.write_all(code)?;
            file.sync_all()?;
            std::fs::rename(&beside, path)
        };
        write().map_err(|source| NativeCodeError::Write { path: path.to_owned(), source })
    }
}

#[expect(unsafe_code, reason = "mapping native code trusts the file: see the module's rule")]
fn map(engine: &Engine, path: &Path) -> Result<Component, NativeCodeError> {
    // SAFETY: only `NativeCode::store` writes into the directory, which only this user can write to
    // (`NativeCode::open`), and the name holds the hash of the wasm and of the engine's settings.
    unsafe { Component::deserialize_file(engine, path) }.map_err(|error| {
        let reason = format!("{error:#}");
        // wasmtime has no type for it; `engine/parts.rs` has the test that its words are still these.
        if OVER_THE_POOL.iter().any(|words| reason.contains(words)) {
            return NativeCodeError::TooManyParts { reason };
        }
        NativeCodeError::Load { path: path.to_owned(), reason }
    })
}

/// How wasmtime says that a component has more core instances, memories, tables or bookkeeping than its share of the pool.
const OVER_THE_POOL: [&str; 2] = ["The component transitively contains", "component instance size does not fit"];

/// Content hash of the component plus everything that decides what code an engine makes of it.
fn key(engine: &Engine, wasm: &[u8]) -> String {
    struct Hashing(blake3::Hasher);
    impl Hasher for Hashing {
        fn finish(&self) -> u64 {
            0
        }
        fn write(&mut self, bytes: &[u8]) {
            self.0.update(bytes);
        }
    }
    let mut hashing = Hashing(blake3::Hasher::new());
    engine.precompile_compatibility_hash().hash(&mut hashing);
    hashing.0.update(blake3::hash(wasm).as_bytes());
    hashing.0.finalize().to_hex().to_string()
}
