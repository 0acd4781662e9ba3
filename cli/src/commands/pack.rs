//! `greentic-edge pack`: from a directory with pack.toml to a signed .gtpack.

use crate::{output, pack_directory};
use anyhow::Context;
use clap::{Args, Subcommand};
use greentic_pack::key;
use std::path::PathBuf;

#[derive(Args)]
pub struct Pack {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Compile the flows of a pack directory and write a signed pack
    #[command(
        after_help = "Example:\n  greentic-edge pack build my-app --key publisher.pem -o my-app.gtpack\n\nThe same directory gives the same bytes; set SOURCE_DATE_EPOCH to fix the time in the manifest, too."
    )]
    Build(Build),
}

#[derive(Args)]
struct Build {
    /// Directory that holds pack.toml
    directory: PathBuf,
    /// Private key to sign with (see `greentic-edge key new`)
    #[arg(long)]
    key: PathBuf,
    /// File to write
    #[arg(short, long)]
    output: PathBuf,
}

impl Pack {
    pub fn run(&self) -> anyhow::Result<()> {
        let Verb::Build(build) = &self.verb;
        let pem = std::fs::read_to_string(&build.key).with_context(|| format!("can't read {}", build.key.display()))?;
        let key = key::from_pem(&pem).with_context(|| format!("{} is no Ed25519 private key", build.key.display()))?;
        let bytes = pack_directory::build(&build.directory, Some(&key))?;
        std::fs::write(&build.output, &bytes).with_context(|| format!("can't write {}", build.output.display()))?;
        output::note(&format!("{}: {} bytes", build.output.display(), bytes.len()));
        Ok(())
    }
}
