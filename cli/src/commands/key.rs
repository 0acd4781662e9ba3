//! `greentic-edge key`: Ed25519 key pairs for signing packs.

use crate::output;
use anyhow::Context;
use clap::{Args, Subcommand};
use greentic_pack::key::{self, SigningKey};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

#[derive(Args)]
pub struct Key {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Write a new private key (mode 0600) and, beside it, its public key
    #[command(
        after_help = "Example:\n  greentic-edge key new publisher.pem    # also writes publisher.pub.pem\n\nName the public key in [security] trusted_publishers of the hosts that shall accept your packs."
    )]
    New {
        /// File for the private key; must not exist yet
        file: PathBuf,
    },
}

impl Key {
    pub fn run(&self) -> anyhow::Result<()> {
        let Verb::New { file } = &self.verb;
        let key = generate()?;
        let public = file.with_extension("pub.pem");
        write_new(file, key::to_pem(&key)?.as_bytes(), 0o600)?;
        write_new(&public, key::public_to_pem(&key.verifying_key())?.as_bytes(), 0o644)?;
        output::note(&format!("private key {}, public key {}", file.display(), public.display()));
        Ok(())
    }
}

/// A key from the system's randomness.
pub fn generate() -> anyhow::Result<SigningKey> {
    let mut seed = [0_u8; 32];
    getrandom::fill(&mut seed).map_err(|error| anyhow::anyhow!("no randomness: {error}"))?;
    Ok(SigningKey::from_bytes(&seed))
}

/// Never over an existing file: a key that is gone can't be had back.
fn write_new(path: &Path, bytes: &[u8], mode: u32) -> anyhow::Result<()> {
    std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)
        .and_then(|mut file| file.write_all(bytes))
        .with_context(|| format!("can't write {}", path.display()))
}
