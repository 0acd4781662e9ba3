//! `greentic-edge pack compose`: one channel of one app as a single component for hosts that aren't ours.

use crate::composition::{self, Composer, Egress, Half, Setting};
use crate::exit::Configuration;
use crate::{BUILTINS, output};
use anyhow::Context;
use clap::{Args, ValueEnum};
use greentic_compose::{Composed, Target};
use greentic_host::bundle::Bundle;
use greentic_host::config::{Config, SecurityConfig};
use greentic_host::load::{Plan, PlannedApp, PlannedChannel};
use serde_json::json;
use std::path::{Path, PathBuf};

#[derive(Args)]
pub struct Compose {
    /// A .gtpack, or a directory that holds pack.toml
    pack: PathBuf,
    /// Channel that it is reached by
    #[arg(long)]
    channel: String,
    /// Host that it shall run on
    #[arg(long, value_enum)]
    target: TargetName,
    /// Directory to write to
    #[arg(short, long, default_value = ".")]
    output: PathBuf,
    /// Environment of its tenant; fixed in the component, as tenant and team
    #[arg(long, default_value = "dev")]
    env: String,
    /// Whose conversations it leads
    #[arg(long, default_value = "default")]
    tenant: String,
    /// The tenant's team
    #[arg(long, default_value = "default")]
    team: String,
    /// How replies leave
    #[arg(long, value_enum, default_value = "nats")]
    egress: Egress,
    /// Which component of the channel
    #[arg(long, value_enum, default_value = "webhook")]
    part: Half,
    /// Flow that runs when a message names none [default: the only one, or `main`]
    #[arg(long)]
    default_flow: Option<String>,
    /// The channel's settings, a JSON object without secrets
    #[arg(long, value_name = "FILE.json")]
    provider_config: Option<PathBuf>,
    /// Public key of a publisher whose packs are accepted; may be given several times
    #[arg(long = "trusted-publisher", value_name = "KEY.pem")]
    trusted_publishers: Vec<PathBuf>,
    /// Accept a pack whoever signed it, or nobody
    #[arg(long)]
    allow_unsigned: bool,
    /// Say the result as JSON
    #[arg(long)]
    json: bool,
}

/// The name of a target on the command line.
#[derive(Clone, Copy, ValueEnum)]
enum TargetName {
    /// Fermyon Spin
    Spin,
    /// Any host of `wasi:http` with sockets and environment, such as `wasmtime serve`
    WasiHttp,
}

impl Compose {
    pub fn run(&self) -> anyhow::Result<()> {
        let target = match self.target {
            TargetName::Spin => Target::Spin,
            TargetName::WasiHttp => Target::WasiHttp,
        };
        let mut config = Config::load(None, &[])?;
        config.server.env.clone_from(&self.env);
        config.security = SecurityConfig {
            trusted_publishers: self.trusted_publishers.clone(),
            reject_unsigned_packs: !self.allow_unsigned,
        };
        let bundle = self.bundle().context(Configuration)?;
        // A directory is what its owner has just named, as the bundle's own directories are the demo's.
        let plan = composition::plan(&config, Path::new(""), &bundle, true).context(Configuration)?;
        let (channel, app) = only(&plan)?;
        let composer = Composer { config: &config, bundle: &bundle, plan: &plan, target };
        let composed = composer.compose(channel, self.part, self.egress)?;

        let half = if self.part == Half::Egress { "-egress" } else { "" };
        let name = format!("{}-{}-{}-{}{half}.wasm", app.name, self.tenant, self.team, self.channel);
        std::fs::create_dir_all(&self.output).with_context(|| format!("can't make {}", self.output.display()))?;
        let file = self.output.join(name);
        std::fs::write(&file, &composed.wasm).with_context(|| format!("can't write {}", file.display()))?;
        let file = file.display().to_string();
        let (environment, command) = match target {
            Target::Spin => (Vec::new(), Vec::new()),
            Target::WasiHttp => {
                let environment = composition::environment(channel, app, self.part, self.egress);
                let command = composition::wasmtime_serve(&composed.imports, &environment, &file);
                (environment, command)
            }
        };
        let sends = self.part == Half::Webhook;
        let hosts = app.hosts.places().filter(|_| sends).map(str::to_owned).collect();
        let report = Report { file, target, composed: &composed, environment, command, hosts };
        if self.json {
            report.print_json()
        } else {
            report.print()
        }
        Ok(())
    }

    /// The bundle of one channel that these arguments stand for, so that it is read, verified and understood by the
    /// code that serves bundles.
    fn bundle(&self) -> anyhow::Result<Bundle> {
        anyhow::ensure!(
            self.part == Half::Webhook || self.egress == Egress::Nats,
            "--part egress sends what a bus carries, and with --egress direct there is none: leave one of them out"
        );
        for (flag, id) in [("--channel", &self.channel), ("--tenant", &self.tenant), ("--team", &self.team)] {
            greentic_types::check_id(id).context(flag)?;
        }
        let provider = format!("messaging-{}", self.channel);
        let known: Vec<&str> = BUILTINS.providers.iter().map(|(known, _)| *known).collect();
        let channels: Vec<&str> = known.iter().filter_map(|known| known.strip_prefix("messaging-")).collect();
        anyhow::ensure!(
            known.contains(&provider.as_str()),
            "--channel {}: built in are {}; a channel of a pack is composed by `bundle export`",
            self.channel,
            channels.join(", ")
        );
        let pack = self.pack.to_str().with_context(|| format!("{} is no UTF-8", self.pack.display()))?;
        let kind = if self.pack.is_dir() { "path" } else { "pack" };
        let bundle = json!({
            "name": "composed",
            "providers": { &provider: { "config": self.provider_settings()? } },
            "apps": { "app": { kind: pack, "default_flow": self.default_flow } },
            "tenants": { &self.tenant: { "teams": { &self.team: { "channels": {
                &self.channel: { "provider": provider }
            } } } } },
        });
        Ok(serde_json::from_value(bundle)?)
    }

    fn provider_settings(&self) -> anyhow::Result<serde_json::Map<String, serde_json::Value>> {
        let Some(file) = &self.provider_config else {
            return Ok(serde_json::Map::new());
        };
        let text = std::fs::read(file).with_context(|| format!("can't read {}", file.display()))?;
        serde_json::from_slice(&text).with_context(|| format!("{}: expected a JSON object", file.display()))
    }
}

/// The channel and its app.
fn only(plan: &Plan) -> anyhow::Result<(&PlannedChannel, &PlannedApp)> {
    let channel = plan.channels.first().context("no channel was planned")?;
    let app = plan.apps.get(&channel.app).context("no app was planned")?;
    Ok((channel, app))
}

/// What was made, and how to run it.
struct Report<'a> {
    file: String,
    target: Target,
    composed: &'a Composed,
    /// Both empty for Spin, whose manifest stands for them.
    environment: Vec<Setting>,
    command: Vec<String>,
    /// Where the flows may send.
    hosts: Vec<String>,
}

const SPIN_NEXT: &str = "Spin needs a manifest, too: `greentic-edge bundle export --target spin DIR` writes both";

impl Report<'_> {
    fn print(&self) {
        output::line(&self.file);
        output::line(&format!("  target   {}", self.target.name()));
        output::line(&format!("  size     {} bytes", self.composed.wasm.len()));
        output::line(&format!("  parts    {}", self.composed.parts));
        for (at, import) in self.composed.imports.iter().enumerate() {
            output::line(&format!("  {}  {import}", if at == 0 { "imports" } else { "       " }));
        }
        for (at, host) in self.hosts.iter().enumerate() {
            output::line(&format!("  {}  {host}", if at == 0 { "sends to" } else { "        " }));
        }
        if self.command.is_empty() {
            output::line(&format!("\n{SPIN_NEXT}."));
            return;
        }
        output::line("\nSet in the environment:");
        for Setting { variable, meaning, required } in &self.environment {
            let need = if *required { "required" } else { "optional" };
            output::line(&format!("  {variable:<36} {need}  {meaning}"));
        }
        let words: Vec<_> = self.command.iter().map(|word| quoted(word)).collect();
        output::line("\nRun (it listens on 0.0.0.0:8080 unless told otherwise with --addr):");
        output::line(&format!("  {}", words.join(" ")));
    }

    fn print_json(&self) {
        let setting = |Setting { variable, meaning, required }: &Setting| json!({ "name": variable, "meaning": meaning, "required": required });
        let environment: Vec<_> = self.environment.iter().map(setting).collect();
        let report = json!({
            "file": self.file,
            "target": self.target.name(),
            "bytes": self.composed.wasm.len(),
            "parts": self.composed.parts,
            "imports": self.composed.imports,
            "environment": environment,
            "command": self.command,
            "hosts": self.hosts,
        });
        output::line(&report.to_string());
    }
}

/// A word as a shell reads it back.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:=,@".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}
