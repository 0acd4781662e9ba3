//! The ways to serve a bundle's channel, each started as its user would start it.

use crate::scene::Servers;
use greentic_tests::{
    BOT_TOKEN, Bundle, Composed, Host, Process, SECRET_TOKEN, Setting, SpinHost, Voice, command, declared_routes,
    declared_variables, export_to_spin, free_port, spin, wasmtime,
};
use std::any::Any;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What callers of an egress trigger must show.
pub const EGRESS_TOKEN: &str = "egress-token-of-the-tests";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// `greentic-edge serve`: components linked lazily. The reference.
    OurHost,
    /// `greentic-edge serve-component` with the composed component.
    ServeComponent,
    /// `wasmtime serve` with the command that `pack compose` names.
    WasmtimeServe,
    /// The exported application on the tests' own stand-in for Spin.
    SpinHost,
    /// The same under `spin up`.
    SpinUp,
}

/// How replies leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Egress {
    Nats,
    Direct,
    /// By NATS, with the component beside it that sends what is posted to it.
    Trigger,
}

/// What is served; ends when dropped.
pub struct Served {
    pub url: String,
    /// Where the egress trigger listens.
    pub egress_url: Option<String>,
    running: Vec<Box<dyn Any + Send + Sync>>,
}

/// A bundle's one channel with what its settings name.
pub struct Channel {
    pub bundle: Bundle,
    pub platform: String,
}

impl Mode {
    /// Asked before anything is started. Says so when the answer is no.
    pub fn is_installed(self) -> bool {
        match self {
            Mode::OurHost | Mode::ServeComponent | Mode::SpinHost => true,
            Mode::WasmtimeServe => wasmtime().is_some(),
            Mode::SpinUp => spin().is_some(),
        }
    }

    /// `None` when a program isn't installed.
    pub async fn serve(self, channel: &Channel, servers: &Servers, egress: Egress) -> Option<Served> {
        match self {
            Mode::OurHost => {
                assert_eq!(egress, Egress::Nats, "our host sends by its worker");
                let host = Host::start(&channel.bundle, &configuration(channel, servers));
                host.ready().await;
                Some(Served { url: host.url().to_owned(), egress_url: None, running: vec![Box::new(host)] })
            }
            Mode::ServeComponent => {
                servers.make_streams().await;
                Some(composed(channel, egress, |half| serve_component(half, channel, servers)))
            }
            Mode::WasmtimeServe => {
                let program = wasmtime()?;
                servers.make_streams().await;
                Some(composed(channel, egress, |half| wasmtime_serve(&program, half, servers)))
            }
            Mode::SpinHost => {
                servers.make_streams().await;
                let export = Export::of(channel, servers, egress);
                let host = SpinHost::start(&export.manifest, &export.variables).await;
                let url = host.url().to_owned();
                Some(export.served(url, Box::new(host)))
            }
            Mode::SpinUp => {
                let program = spin()?;
                servers.make_streams().await;
                let export = Export::of(channel, servers, egress);
                let (process, url) = export.spin_up(&program);
                Some(export.served(url, Box::new(process)))
            }
        }
    }
}

/// Without our worker: what is published stays to be compared.
fn configuration(channel: &Channel, servers: &Servers) -> PathBuf {
    let (redis, nats) = (servers.redis.config(), servers.nats.config());
    channel.bundle.config(&format!("{redis}{nats}[server]\negress_worker = false\n"))
}

/// Value of a secret or setting by the end of its name, in whatever form a host has names.
fn value(name: &str, servers: &Servers) -> Option<String> {
    let name = name.to_ascii_lowercase();
    let known = [
        ("redis_url", servers.redis.url()),
        ("nats_url", servers.nats.url()),
        ("nats_address", servers.nats_address()),
        ("egress_token", EGRESS_TOKEN.to_owned()),
        ("bot_token", BOT_TOKEN.to_owned()),
        ("secret_token", SECRET_TOKEN.to_owned()),
    ];
    known.into_iter().find(|(ending, _)| name.ends_with(ending)).map(|(_, value)| value)
}

/// Composes and serves the channel, and its egress trigger where there is one.
fn composed(channel: &Channel, egress: Egress, serve: impl Fn(&Half) -> (Process, String)) -> Served {
    let folder = tempfile::tempdir().unwrap();
    let (process, url) = serve(&Half::compose(channel, folder.path(), egress, false));
    let mut served = Served { url, egress_url: None, running: vec![Box::new(process)] };
    if egress == Egress::Trigger {
        let (process, url) = serve(&Half::compose(channel, folder.path(), egress, true));
        served.egress_url = Some(url);
        served.running.push(Box::new(process));
    }
    served.running.push(Box::new(folder));
    served
}

/// One of a channel's two components.
struct Half {
    composed: Composed,
    /// Whether it is the one that sends.
    sends: bool,
}

impl Half {
    fn compose(channel: &Channel, folder: &Path, egress: Egress, sends: bool) -> Half {
        let egress = if egress == Egress::Direct { "direct" } else { "nats" };
        let part = if sends { "egress" } else { "webhook" };
        Half { composed: Composed::new(&channel.bundle, &channel.platform, folder, egress, part), sends }
    }

    /// The variables to set. A required one that nobody here knows is a failure.
    fn environment(&self, servers: &Servers) -> Vec<(String, String)> {
        let known = self.composed.settings.iter().filter_map(|Setting { variable, required }| {
            let value = value(variable, servers);
            assert!(value.is_some() || !required, "no value for {variable}");
            Some((variable.clone(), value?))
        });
        known.collect()
    }
}

fn serve_component(half: &Half, channel: &Channel, servers: &Servers) -> (Process, String) {
    let mut command = command();
    command.args(["serve-component", &half.composed.file, "--port", "0"]);
    for (name, value) in half.environment(servers) {
        command.env(&name, value).args(["--env", &name]);
    }
    if !half.sends {
        command.args(["--allow-tcp", &servers.redis_address(), "--allow-tcp", &servers.nats_address()]);
    }
    // For what sends: within the request, or what is posted to it.
    command.args(["--allow-http", &channel.platform]);
    Process::start(command, Voice::Stdout)
}

/// The command as it was printed, but for the program's place and the port.
fn wasmtime_serve(program: &Path, half: &Half, servers: &Servers) -> (Process, String) {
    let words: Vec<&str> = half.composed.command.iter().map(String::as_str).collect();
    let ["wasmtime", "serve", flags @ ..] = words.as_slice() else { panic!("{words:?}") };
    let mut command = Command::new(program);
    command.args(["serve", "--addr", "127.0.0.1:0"]).args(flags).env_clear().envs(half.environment(servers));
    Process::start(command, Voice::Stderr)
}

/// A bundle as a Spin application.
struct Export {
    manifest: PathBuf,
    variables: BTreeMap<String, String>,
    folder: tempfile::TempDir,
}

impl Export {
    fn of(channel: &Channel, servers: &Servers, egress: Egress) -> Export {
        let folder = tempfile::tempdir().unwrap();
        let how = match egress {
            Egress::Nats => "nats",
            Egress::Direct => "direct",
            Egress::Trigger => "trigger",
        };
        let manifest = export_to_spin(&channel.bundle, &configuration(channel, servers), how, folder.path());
        let declared = declared_variables(&manifest).into_iter().filter_map(|(name, required)| {
            let value = value(&name, servers);
            assert!(value.is_some() || !required, "no value for {name}");
            Some((name, value?))
        });
        let variables = declared.collect();
        Export { manifest, variables, folder }
    }

    fn spin_up(&self, program: &Path) -> (Process, String) {
        let mut command = Command::new(program);
        command
            .args(["up", "--from"])
            .arg(&self.manifest)
            .args(["--listen", &format!("127.0.0.1:{}", free_port())])
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            // It keeps its caches and logs there.
            .env("HOME", self.folder.path());
        for (name, value) in &self.variables {
            command.env(format!("SPIN_VARIABLE_{}", name.to_ascii_uppercase()), value);
        }
        Process::start(command, Voice::Stdout)
    }

    fn served(self, url: String, running: Box<dyn Any + Send + Sync>) -> Served {
        let egress = declared_routes(&self.manifest).into_iter().find(|route| route.starts_with("/egress/"));
        let egress_url = egress.map(|route| format!("{url}{}", route.trim_end_matches("/...")));
        Served { url, egress_url, running: vec![running, Box::new(self.folder)] }
    }
}
