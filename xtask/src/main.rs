//! Everything that is not one cargo command: `cargo xtask test`, `cargo xtask bench`.

mod servers;
#[cfg(test)]
mod tidy;

use anyhow::{Context, bail};
use std::process::{Command, ExitCode};

const HELP: &str = "\
Usage: cargo xtask <task>

Tasks:
  test [-- ARGS]    install (or name) the servers the tests need, then run every test; ARGS go to the test runner
  bench [-- ARGS]   run the benchmarks, optimised; ARGS go to the benchmark (--quick, --json)
";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let task = arguments.next().unwrap_or_default();
    let rest: Vec<String> = arguments.skip_while(|argument| argument == "--").collect();
    let done = match task.as_str() {
        "test" => test(&rest),
        "bench" => bench(&rest),
        "" | "help" | "--help" | "-h" => {
            print!("{HELP}");
            Ok(())
        }
        other => Err(anyhow::anyhow!("there is no task `{other}`\n{HELP}")),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// One command line for everything: another set of packages would have cargo build shared crates a second time.
fn test(arguments: &[String]) -> anyhow::Result<()> {
    servers::ensure();
    let nextest = Command::new("cargo").args(["nextest", "--version"]).output().is_ok_and(|told| told.status.success());
    let runner: &[&str] = if nextest { &["nextest", "run", "--workspace"] } else { &["test", "--workspace"] };
    cargo(runner, arguments)
}

fn bench(arguments: &[String]) -> anyhow::Result<()> {
    cargo(&["run", "--release", "--package", "greentic-bench", "--"], arguments)
}

fn cargo(command: &[&str], arguments: &[String]) -> anyhow::Result<()> {
    let status = Command::new("cargo").args(command).args(arguments).status().context("cargo did not start")?;
    if !status.success() {
        bail!("`cargo {}` failed", command.join(" "));
    }
    Ok(())
}
