//! `greentic-edge bundle`: a bundle in the form of another host.

use crate::composition::{self, Composer};
use crate::demo::bundle;
use crate::exit::Configuration;
use crate::export::{Application, Delivery, OPENING, application};
use crate::output;
use anyhow::Context;
use clap::{Args, Subcommand, ValueEnum};
use greentic_compose::Target;
use greentic_host::bundle::Bundle as BundleFile;
use greentic_host::config::Config;
use std::path::{Path, PathBuf};

#[derive(Args)]
pub struct Bundle {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Write the bundle as an application of another host: a manifest, and one component for each channel
    #[command(
        after_help = "Examples:\n  greentic-edge bundle export --target spin dist --bundle my-bundle --config greentic.toml\n  greentic-edge bundle export --target spin dist --demo\n  spin up --from dist\n\nTenants, flows and settings are fixed in the components; servers and secrets are variables of the application."
    )]
    Export(Export),
}

#[derive(Args)]
struct Export {
    /// Directory to write to
    directory: PathBuf,
    /// Host that it shall run on
    #[arg(long, value_enum)]
    target: ExportTarget,
    /// Directory that holds greentic.demo.yaml
    #[arg(long, default_value = ".")]
    bundle: PathBuf,
    /// The demo's bundle, which is part of this program
    #[arg(long, conflicts_with = "bundle")]
    demo: bool,
    /// Configuration file: of it `server.env`, `session` and `security` count
    #[arg(long, env = "GREENTIC_CONFIG")]
    config: Option<PathBuf>,
    /// How replies get to the platform
    #[arg(long, value_enum, default_value = "nats")]
    egress: Delivery,
}

/// Hosts that have a manifest of their own.
#[derive(Clone, Copy, ValueEnum)]
enum ExportTarget {
    /// Fermyon Spin
    Spin,
}

impl Bundle {
    pub fn run(&self) -> anyhow::Result<()> {
        let Verb::Export(export) = &self.verb;
        export.run()
    }
}

impl Export {
    fn run(&self) -> anyhow::Result<()> {
        let target = match self.target {
            ExportTarget::Spin => Target::Spin,
        };
        let config = Config::load(self.config.as_deref(), &[])?;
        let application = if self.demo {
            let directory = bundle::unpack()?;
            self.application(&config, directory.path(), target)?
        } else {
            self.application(&config, &self.bundle, target)?
        };
        write(&self.directory, &application)?;
        self.report(&application);
        Ok(())
    }

    fn application(&self, config: &Config, directory: &Path, target: Target) -> anyhow::Result<Application> {
        let bundle = BundleFile::read(directory)?;
        let plan = composition::plan(config, directory, &bundle, self.demo).context(Configuration)?;
        application(&Composer { config, bundle: &bundle, plan: &plan, target }, self.egress)
    }

    fn report(&self, application: &Application) {
        let directory = self.directory.display();
        for (name, wasm) in &application.components {
            output::line(&format!("{directory}/{name}  {} bytes", wasm.len()));
        }
        output::line(&format!(
            "{directory}/spin.toml\n\nSet these, and the servers where they aren't on this machine:"
        ));
        for variable in &application.required {
            output::line(&format!("  SPIN_VARIABLE_{}", variable.to_ascii_uppercase()));
        }
        output::line(&format!("\nRun:\n  spin up --from {directory}"));
    }
}

/// Everything is composed by now, so that an error leaves the directory as it was.
fn write(directory: &Path, application: &Application) -> anyhow::Result<()> {
    let manifest = directory.join("spin.toml");
    if manifest.exists() {
        let text = std::fs::read(&manifest).with_context(|| format!("can't read {}", manifest.display()))?;
        anyhow::ensure!(
            text.starts_with(OPENING.as_bytes()),
            "{} is not an export: export to another directory, or move it away",
            manifest.display()
        );
    }
    for (name, wasm) in &application.components {
        write_file(&directory.join(name), wasm)?;
    }
    write_file(&manifest, application.manifest.as_bytes())
}

fn write_file(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).with_context(|| format!("can't make {}", parent.display()))?;
    }
    std::fs::write(path, bytes).with_context(|| format!("can't write {}", path.display()))
}
