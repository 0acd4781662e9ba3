//! `cargo xtask fuzz`: every target of `fuzz/` for a while, with the toolchain of this repository.
//!
//! libFuzzer needs counters at the branches of all code, and those come from flags of the stable compiler, so neither a
//! nightly toolchain nor another cargo command takes part. Found inputs that break nothing stay in `target/fuzz/corpus`;
//! one that broke something belongs into `fuzz/seeds/<target>`, which each run tries first.

use crate::servers;
use anyhow::{Context, bail, ensure};
use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::{Mutex, PoisonError};

const SECONDS: u32 = 60;

/// Targets that run at once. Each may use [`MOST_MEGABYTES`].
const AT_ONCE: usize = 2;
const MOST_MEGABYTES: u32 = 1024;

/// Seconds that one input may take. Everything that is tried has bounds far below it.
const SLOWEST: u32 = 10;

/// Bytes of one input: enough for every form there is, and small inputs are tried more often.
const LONGEST: u32 = 4096;

/// What a profile can't say.
const FLAGS: [&str; 6] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "--cfg=fuzzing",
];

#[derive(Debug, PartialEq)]
struct Options {
    /// None: all.
    targets: Vec<String>,
    seconds: u32,
}

/// What a target's log says of its run.
#[derive(Debug, Default, PartialEq)]
struct Told {
    executions: Option<u64>,
    /// Branches that were reached.
    coverage: Option<u64>,
    /// The input that broke something.
    reproducer: Option<String>,
    /// What its random choices were made from.
    seed: Option<u64>,
}

struct Ran {
    target: String,
    told: Told,
    /// What went wrong, and what to do.
    failure: Option<String>,
}

pub fn run(arguments: &[String]) -> anyhow::Result<()> {
    let options = options(arguments)?;
    let known = targets()?;
    if let Some(unknown) = options.targets.iter().find(|target| !known.contains(target)) {
        bail!("there is no fuzz target `{unknown}`; there are: {}", known.join(", "));
    }
    let chosen = if options.targets.is_empty() { known } else { options.targets };
    let programs = build(&chosen)?;

    let open = Mutex::new(VecDeque::from(chosen));
    let done = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(target) = next(&open) {
                    let ran = fuzz(&programs, target, options.seconds);
                    done.lock().unwrap_or_else(PoisonError::into_inner).push(ran);
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by(|a, b| a.target.cmp(&b.target));
    print!("{}", table(&done));
    let failures: Vec<&str> = done.iter().filter_map(|ran| ran.failure.as_deref()).collect();
    ensure!(failures.is_empty(), "{}", failures.join("\n\n"));
    Ok(())
}

fn next(open: &Mutex<VecDeque<String>>) -> Option<String> {
    open.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
}

fn options(arguments: &[String]) -> anyhow::Result<Options> {
    let mut options = Options { targets: Vec::new(), seconds: SECONDS };
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        if argument == "--seconds" {
            let number = arguments.next().and_then(|number| number.parse().ok()).filter(|seconds| *seconds > 0);
            options.seconds = number.context("--seconds needs a whole number above 0")?;
        } else if argument.starts_with('-') {
            bail!("`cargo xtask fuzz` has no option `{argument}`: it takes targets and --seconds N");
        } else {
            options.targets.push(argument.clone());
        }
    }
    Ok(options)
}

fn targets() -> anyhow::Result<Vec<String>> {
    let folder = root().join("fuzz/targets");
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder).with_context(|| format!("{} can't be read", folder.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "rs") {
            names.extend(path.file_stem().map(|name| name.to_string_lossy().into_owned()));
        }
    }
    names.sort();
    Ok(names)
}

/// Gives the folder of the programs. One build for all: they share every crate but the last.
fn build(targets: &[String]) -> anyhow::Result<PathBuf> {
    if std::env::var_os("CXX").is_none() {
        let missing = servers::provide(&[("c++", "g++")]);
        ensure!(missing.is_empty(), "libFuzzer is built with a C++ compiler: sudo apt-get install g++");
    }
    let host = host()?;
    let into = root().join("target/fuzz");
    let mut cargo = Command::new("cargo");
    // With a target named, build scripts and macros are made without the flags, which they could not be linked with.
    cargo.current_dir(root()).args([
        "build",
        "--release",
        "--locked",
        "--manifest-path",
        "fuzz/Cargo.toml",
        "--target",
        &host,
    ]);
    cargo.arg("--target-dir").arg(&into).env("CARGO_ENCODED_RUSTFLAGS", FLAGS.join("\u{1f}"));
    for target in targets {
        cargo.args(["--bin", target]);
    }
    let status = cargo.status().context("cargo did not start")?;
    ensure!(status.success(), "the fuzz targets could not be built");
    Ok(into.join(host).join("release"))
}

fn host() -> anyhow::Result<String> {
    let told = Command::new("rustc").arg("-vV").current_dir(root()).output().context("rustc did not start")?;
    let told = String::from_utf8_lossy(&told.stdout).into_owned();
    let host = told.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("`rustc -vV` names no host")
}

fn fuzz(programs: &Path, target: String, seconds: u32) -> Ran {
    let log = root().join("target/fuzz/logs").join(format!("{target}.log"));
    let (told, failure) = match start(programs, &target, seconds, &log) {
        Ok(status) => {
            let told = read(&String::from_utf8_lossy(&fs::read(&log).unwrap_or_default()));
            let failure = judge(status, &told, &programs.join(&target), &log);
            (told, failure)
        }
        Err(error) => (Told::default(), Some(format!("it did not run: {error:#}"))),
    };
    Ran { failure: failure.map(|failure| format!("{target}: {failure}")), told, target }
}

fn start(programs: &Path, target: &str, seconds: u32, log: &Path) -> anyhow::Result<ExitStatus> {
    let corpus = root().join("target/fuzz/corpus").join(target);
    let artifacts = root().join("target/fuzz/artifacts").join(target);
    let logs = log.parent().context("a log needs a folder")?;
    for folder in [&corpus, &artifacts, logs] {
        fs::create_dir_all(folder).with_context(|| format!("{} can't be made", folder.display()))?;
    }
    let mut log = File::create(log)?;
    let mut artifact_prefix = std::ffi::OsString::from("-artifact_prefix=");
    artifact_prefix.push(artifacts);
    artifact_prefix.push("/");
    let mut command = Command::new(programs.join(target));
    command
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-max_len={LONGEST}"))
        .arg(format!("-rss_limit_mb={MOST_MEGABYTES}"))
        .arg(format!("-timeout={SLOWEST}"))
        .arg("-print_final_stats=1")
        .arg(artifact_prefix)
        // What it finds goes to the first folder.
        .arg(corpus)
        .arg(root().join("fuzz/seeds").join(target));
    writeln!(log, "{command:?}")?;
    Ok(command.stdout(log.try_clone()?).stderr(log).status()?)
}

fn read(log: &str) -> Told {
    let mut told = Told::default();
    for line in log.lines() {
        let mut words = line.split_whitespace();
        if let Some((_, path)) = line.split_once("Test unit written to ") {
            // A slow input is written too, and breaks nothing.
            if !path.contains("/slow-unit-") {
                told.reproducer = Some(path.trim().to_owned());
            }
        } else if let Some(number) = line.strip_prefix("stat::number_of_executed_units:") {
            told.executions = number.trim().parse().ok();
        } else if let Some(number) = line.strip_prefix("INFO: Seed: ") {
            told.seed = number.trim().parse().ok();
        } else if line.starts_with('#') && words.any(|word| word == "cov:") {
            told.coverage = words.next().and_then(|number| number.parse().ok()).or(told.coverage);
        }
    }
    told
}

fn judge(status: ExitStatus, told: &Told, program: &Path, log: &Path) -> Option<String> {
    let (program, log) = (program.display(), log.display());
    if let Some(input) = &told.reproducer {
        return Some(format!("broken by {input}\n  again: {program} {input}\n  log: {log}"));
    }
    if !status.success() {
        // Nothing can be written when the stack has run out.
        let seed = told.seed.unwrap_or_default();
        return Some(format!(
            "ended with {status} and wrote no input, as a stack that ran out does\n  \
             again: the first line of {log}, with -seed={seed}"
        ));
    }
    if told.coverage.unwrap_or_default() == 0 {
        return Some(format!("reached no code: the compiler made no counters; look into {log}"));
    }
    None
}

fn table(done: &[Ran]) -> String {
    let shown = |number: Option<u64>| number.map_or_else(|| "?".to_owned(), |number| number.to_string());
    let mut text = format!("{:<20} {:>12} {:>10}\n", "target", "executions", "coverage");
    for Ran { target, told, failure } in done {
        let outcome = if failure.is_some() { "  FAILED" } else { "" };
        let (executions, coverage) = (shown(told.executions), shown(told.coverage));
        text.push_str(&format!("{target:<20} {executions:>12} {coverage:>10}{outcome}\n"));
    }
    text
}

fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(arguments: &[&str]) -> anyhow::Result<Options> {
        options(&arguments.iter().map(|argument| (*argument).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn options_are_read_or_refused() {
        let expected = Options { targets: vec!["card".to_owned(), "resp".to_owned()], seconds: 5 };
        assert_eq!(parsed(&["card", "--seconds", "5", "resp"]).unwrap(), expected);
        assert_eq!(parsed(&[]).unwrap(), Options { targets: Vec::new(), seconds: SECONDS });
        for wrong in [&["--seconds"][..], &["--seconds", "0"], &["--seconds", "x"], &["--minutes", "1"]] {
            assert!(parsed(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_log_tells_what_was_reached_and_what_broke() {
        let log = "INFO: Seed: 77\n#2\tINITED cov: 12 ft: 13 corp: 1/1b exec/s: 0 rss: 30Mb\n\
                   #99\tNEW    cov: 40 ft: 60 corp: 2/9b lim: 4 exec/s: 0\n\
                   artifact_prefix='a/'; Test unit written to a/slow-unit-1\n\
                   artifact_prefix='a/'; Test unit written to a/crash-2\nstat::number_of_executed_units: 99\n";
        let told =
            Told { executions: Some(99), coverage: Some(40), reproducer: Some("a/crash-2".to_owned()), seed: Some(77) };
        assert_eq!(read(log), told);
        assert_eq!(read("nothing"), Told::default());
    }

    #[cfg(unix)]
    #[test]
    fn a_run_fails_by_an_input_by_its_end_or_by_reaching_nothing() {
        use std::os::unix::process::ExitStatusExt;
        let judged = |status, told: Told| {
            judge(ExitStatus::from_raw(status), &told, Path::new("p/card"), Path::new("card.log")).unwrap_or_default()
        };
        let reached = || Told { coverage: Some(1), ..Told::default() };
        assert_eq!(judged(0, reached()), "");
        assert!(judged(0, Told::default()).contains("reached no code"));
        assert!(judged(11, reached()).contains("-seed=0"));
        let broken = Told { reproducer: Some("a/crash-2".to_owned()), ..reached() };
        assert!(judged(77 << 8, broken).contains("again: p/card a/crash-2"));
    }
}
