//! Everything that is not one cargo command: `cargo xtask test`, `cargo xtask bench`, `cargo xtask fuzz`.

mod fuzz;
mod servers;
#[cfg(test)]
mod tidy;
mod wasmtime;

use anyhow::{Context, bail};
use std::process::{Command, ExitCode};

const HELP: &str = "\
Usage: cargo xtask <task>

Tasks:
  test [--with-wasmtime] [-- ARGS]
                    install (or name) the servers the tests need, then run every test; ARGS go to the test runner.
                    --with-wasmtime (always in CI) also builds the `wasmtime` command that the portability tests use
  bench [-- ARGS]   run the benchmarks, optimised; ARGS go to the benchmark (--quick, --json)
  fuzz [TARGET…] [--seconds N]
                    run the fuzz targets, or these, for N seconds each (60), from their seeds in fuzz/seeds
";

/// Asks for the `wasmtime` command.
const WITH_WASMTIME: &str = "--with-wasmtime";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1).peekable();
    let task = arguments.next().unwrap_or_default();
    let with_wasmtime = arguments.next_if(|argument| task == "test" && argument == WITH_WASMTIME).is_some();
    let rest: Vec<String> = arguments.skip_while(|argument| argument == "--").collect();
    let done = match task.as_str() {
        "test" => test(with_wasmtime, &rest),
        "bench" => bench(&rest),
        "fuzz" => fuzz::run(&rest),
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
fn test(with_wasmtime: bool, arguments: &[String]) -> anyhow::Result<()> {
    servers::ensure();
    if with_wasmtime || std::env::var_os("CI").is_some() {
        wasmtime::ensure()?;
    }
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
