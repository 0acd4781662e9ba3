//! Programs that serve and say where: started, waited for, killed when dropped.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Where a program says its address.
#[derive(Debug, Clone, Copy)]
pub enum Voice {
    Stdout,
    Stderr,
}

/// A running program; killed when dropped.
pub struct Process {
    child: Child,
}

impl Process {
    /// Starts it and waits for the line that holds its `http://` address. What else it says goes to standard error.
    pub fn start(mut command: Command, voice: Voice) -> (Process, String) {
        command.stdin(Stdio::null());
        match voice {
            Voice::Stdout => command.stdout(Stdio::piped()),
            Voice::Stderr => command.stderr(Stdio::piped()).stdout(Stdio::null()),
        };
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let said: Box<dyn Read + Send> = match voice {
            Voice::Stdout => Box::new(child.stdout.take().unwrap()),
            Voice::Stderr => Box::new(child.stderr.take().unwrap()),
        };
        // Killed also when its address never comes.
        let process = Process { child };
        let mut lines = BufReader::new(said).lines().map_while(Result::ok);
        let url = lines.by_ref().inspect(|line| eprintln!("{line}")).find_map(|line| {
            let at = line.find("http://")?;
            Some(line[at..].split_whitespace().next()?.trim_end_matches('/').to_owned())
        });
        let url = url.unwrap_or_else(|| panic!("{command:?} ended before it listened"));
        // A full pipe would stop it.
        std::thread::spawn(move || lines.for_each(|line| eprintln!("{line}")));
        (process, url)
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
