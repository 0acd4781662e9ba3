//! Programs that serve and say where: started, waited for, listened to, killed when dropped.

use crate::until;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

/// Where a program says its address.
#[derive(Debug, Clone, Copy)]
pub enum Voice {
    Stdout,
    Stderr,
}

/// A running program; killed when dropped.
pub struct Process {
    child: Child,
    said: Arc<Mutex<String>>,
}

impl Process {
    /// Starts it and waits for the line that holds its `http://` address. All it says goes to standard error, too.
    pub fn start(mut command: Command, voice: Voice) -> (Process, String) {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let (stdout, stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        // Killed also when its address never comes.
        let process = Process { child, said: Arc::default() };
        let (output, other): (Box<dyn Read + Send>, Box<dyn Read + Send>) = match voice {
            Voice::Stdout => (Box::new(stdout), Box::new(stderr)),
            Voice::Stderr => (Box::new(stderr), Box::new(stdout)),
        };
        let (mut lines, other) = (process.lines(output), process.lines(other));
        // A full pipe would stop it.
        std::thread::spawn(move || other.for_each(drop));
        let url = lines.find_map(|line| {
            let at = line.find("http://")?;
            Some(line[at..].split_whitespace().next()?.trim_end_matches('/').to_owned())
        });
        let url = url.unwrap_or_else(|| panic!("{command:?} ended before it listened"));
        std::thread::spawn(move || lines.for_each(drop));
        (process, url)
    }

    /// Lines as they come, each noted and shown.
    fn lines(&self, stream: Box<dyn Read + Send>) -> impl Iterator<Item = String> + Send + use<> {
        let said = Arc::clone(&self.said);
        BufReader::new(stream).lines().map_while(Result::ok).inspect(move |line| {
            eprintln!("{line}");
            *said.lock().unwrap() += &format!("{line}\n");
        })
    }

    /// Everything it said so far.
    pub fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    /// Waits until it has said this.
    pub async fn says(&self, words: &str) {
        until(words, || async { self.said().contains(words).then_some(()) }).await;
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The `wasmtime` command of the version that our engine is, from `GREENTIC_WASMTIME`, `target/tools` or `PATH`; or a
/// loud skip.
pub fn wasmtime() -> Option<PathBuf> {
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/tools/bin/wasmtime");
    let named = std::env::var_os("GREENTIC_WASMTIME").map(PathBuf::from);
    let found = named.into_iter().chain([tools]).chain(on_path("wasmtime")).find(|path| version(path) == Some(48));
    if found.is_none() {
        let remedy = "wasmtime 48 not found (cargo xtask test --with-wasmtime)";
        assert!(std::env::var_os("GREENTIC_REQUIRE_SERVERS").is_none(), "{remedy}");
        eprintln!("SKIPPED: {remedy}");
    }
    found
}

/// Major version of a wasmtime command.
fn version(program: &Path) -> Option<u32> {
    let told = Command::new(program).arg("--version").output().ok()?;
    let told = String::from_utf8(told.stdout).ok()?;
    told.strip_prefix("wasmtime ")?.split('.').next()?.parse().ok()
}

/// The real `spin`, from `SPIN_BIN` or `PATH`; or a loud skip, in CI too, where nothing installs it.
pub fn spin() -> Option<PathBuf> {
    let named = std::env::var_os("SPIN_BIN").map(PathBuf::from);
    let found = named.into_iter().chain(on_path("spin")).find(|path| path.is_file());
    if found.is_none() {
        eprintln!("SKIPPED: spin not found (install Spin 3, or name it in SPIN_BIN)");
    }
    found
}

fn on_path(name: &str) -> Vec<PathBuf> {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&paths).map(|folder| folder.join(name)).collect()
}
