//! The real binary as a process of its own.

use crate::{BOT_TOKEN, Bundle, PATIENCE, SECRET_TOKEN, until};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

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
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("GREENTIC_WASM__CACHE_DIR", code_cache());
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
        Host::launch(bundle, config, environment, Stdio::inherit())
    }

    /// The same with its log in a file, whose path it gives.
    pub fn start_logged(bundle: &Bundle, config: &Path, environment: &[(&str, &str)]) -> (Host, PathBuf) {
        let log = bundle.path().join("host.log");
        let file = std::fs::File::create(&log).unwrap();
        (Host::launch(bundle, config, environment, file.into()), log)
    }

    fn launch(bundle: &Bundle, config: &Path, environment: &[(&str, &str)], log: Stdio) -> Host {
        let mut child = command()
            .args(["serve", "--port", "0", "--config"])
            .arg(config)
            .arg(bundle.path())
            .env("GREENTIC_SECRET__DEMO__DEFAULT__TELEGRAM_SECRET_TOKEN", SECRET_TOKEN)
            .env("GREENTIC_SECRET__DEMO__DEFAULT__TELEGRAM_BOT_TOKEN", BOT_TOKEN)
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        // It prints its address when it listens; before that the line does not come.
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = lines.next().expect("the host ended before it listened").unwrap();
        let url = line.strip_prefix("listening on ").expect("the address").to_owned();
        // Its further words are read away: a full pipe would stop it.
        std::thread::spawn(move || lines.for_each(drop));
        Host { child, url, client: reqwest::Client::builder().timeout(PATIENCE).build().unwrap() }
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
        Ok(self.webhook(update).send().await?.status().as_u16())
    }

    /// Posts as Telegram does: again for as long as it is told to come later. Fails on any other refusal.
    pub async fn deliver(&self, update: &str) {
        until("an update to be accepted", || async move {
            match self.post(update).await {
                200..300 => Some(()),
                503 | 504 => None,
                status => panic!("{status} for {update}"),
            }
        })
        .await;
    }

    /// The request that Telegram makes for this update.
    pub fn webhook(&self, update: &str) -> reqwest::RequestBuilder {
        self.client
            .post(self.webhook_url())
            .header("Content-Type", "application/json")
            .header("X-Telegram-Bot-Api-Secret-Token", SECRET_TOKEN)
            .body(update.to_owned())
    }

    pub fn webhook_url(&self) -> String {
        format!("{}/webhook/telegram/demo/default", self.url)
    }

    /// Waits until it says that it has everything it needs: it listens before the bus is connected.
    pub async fn ready(&self) {
        until("the host to be ready", || async move {
            let answer = self.client.get(format!("{}/ready", self.url)).send().await.ok()?;
            answer.status().is_success().then_some(())
        })
        .await;
    }

    /// Memory of the process that is really there.
    pub fn resident_bytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
    }

    pub fn client(&self) -> &reqwest::Client {
        &self.client
    }

    /// SIGKILL: the process gets no chance to tidy up.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// The same without waiting for its end, while others hold the host.
    pub fn kill_now(&self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    }

    /// SIGTERM: asks it to drain.
    pub fn terminate(&self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    }

    /// Waits for the process to end by itself.
    pub fn wait(&mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }

    /// The same without holding up the test's other tasks, and with an end.
    pub async fn ended(&mut self) -> ExitStatus {
        let child = &mut self.child;
        until("the host to end", || {
            let status = child.try_wait().unwrap();
            async move { status }
        })
        .await
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
