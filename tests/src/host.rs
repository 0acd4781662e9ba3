//! The real binary as a process of its own.

use crate::{BOT_TOKEN, Bundle, SECRET_TOKEN};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Precompiled code shared by all tests of a build: each component is compiled once, not once a test.
pub fn code_cache() -> PathBuf {
    binary().parent().unwrap().join("test-code-cache")
}

/// Tests, benchmarks and this library's binary share one folder of the target directory; tests lie one below.
fn binary() -> PathBuf {
    let me = std::env::current_exe().unwrap();
    let folder = me.ancestors().find(|folder| folder.join("greentic-edge-under-test").is_file());
    folder.expect("the binary is built with the tests").join("greentic-edge-under-test")
}

/// The binary with an environment that holds nothing of the developer's.
pub fn command() -> Command {
    let mut command = Command::new(binary());
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("GREENTIC_WASM__CACHE_DIR", code_cache());
    command
}

/// A running host; killed when dropped.
pub struct Host {
    child: Child,
    url: String,
    client: reqwest::Client,
}

impl Host {
    /// Serves a bundle with `config` (the path of a greentic.toml) on a free port.
    pub fn start(bundle: &Bundle, config: &Path) -> Host {
        Host::start_with(bundle, config, &[])
    }

    /// The same with more environment variables.
    pub fn start_with(bundle: &Bundle, config: &Path, environment: &[(&str, &str)]) -> Host {
        let mut child = command()
            .args(["serve", "--port", "0", "--config"])
            .arg(config)
            .arg(bundle.path())
            .env("GREENTIC_SECRET__DEMO__DEFAULT__TELEGRAM_SECRET_TOKEN", SECRET_TOKEN)
            .env("GREENTIC_SECRET__DEMO__DEFAULT__TELEGRAM_BOT_TOKEN", BOT_TOKEN)
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        // It prints its address when it listens; before that the line does not come.
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = lines.next().expect("the host ended before it listened").unwrap();
        let url = line.strip_prefix("listening on ").expect("the address").to_owned();
        // Its further words are read away: a full pipe would stop it.
        std::thread::spawn(move || lines.for_each(drop));
        Host { child, url, client: reqwest::Client::new() }
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Posts a Telegram update with the right secret; gives the status.
    pub async fn post(&self, update: &str) -> u16 {
        self.try_post(update).await.unwrap()
    }

    /// The same, where the host may be gone.
    pub async fn try_post(&self, update: &str) -> Result<u16, reqwest::Error> {
        let request = self
            .client
            .post(format!("{}/webhook/telegram/demo/default", self.url))
            .header("Content-Type", "application/json")
            .header("X-Telegram-Bot-Api-Secret-Token", SECRET_TOKEN)
            .body(update.to_owned());
        Ok(request.send().await?.status().as_u16())
    }

    pub fn client(&self) -> &reqwest::Client {
        &self.client
    }

    /// SIGKILL: the process gets no chance to tidy up.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM: asks it to drain.
    pub fn terminate(&self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    }

    /// Waits for the process to end by itself.
    pub fn wait(&mut self) -> std::process::ExitStatus {
        self.child.wait().unwrap()
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
