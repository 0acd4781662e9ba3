//! Facts without which a figure means nothing: processor, cores, kernel, commit, time.

use anyhow::Context;
use serde_json::{Value, json};
use std::process::Command;

pub fn facts() -> Value {
    json!({
        "cpu": cpu(),
        "cores": std::thread::available_parallelism().map_or(0, usize::from),
        "kernel": rustix::system::uname().release().to_string_lossy(),
        "commit": output("git", &["describe", "--always", "--dirty"]),
        "wasmtime": "48.0.8",
        "date": output("date", &["-u", "+%Y-%m-%dT%H:%M:%SZ"]),
        "instructions": instructions(),
    })
}

pub fn describe() -> String {
    let facts = facts();
    let of =
        |name: &str| facts.get(name).map(|value| value.to_string().trim_matches('"').to_owned()).unwrap_or_default();
    format!(
        "{} x {}, Linux {}, commit {}, wasmtime {}, {}\ninstructions per request: {}",
        of("cores"),
        of("cpu"),
        of("kernel"),
        of("commit"),
        of("wasmtime"),
        of("date"),
        of("instructions")
    )
}

fn cpu() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    model.map_or("unknown".into(), |(_, name)| name.to_owned())
}

/// Virtual machines often have no counters, and a figure that can't be had must not look like zero.
fn instructions() -> &'static str {
    let told = Command::new("perf").args(["stat", "-x,", "-e", "instructions:u", "true"]).output();
    match told {
        Ok(told) if String::from_utf8_lossy(&told.stderr).starts_with(|first: char| first.is_ascii_digit()) => {
            "countable here: perf stat -e instructions:u -- greentic-bench instances"
        }
        Ok(_) => "not countable here (perf: not supported)",
        Err(_) => "not countable here (no perf)",
    }
}

/// A field of a file in `/proc` that counts in KiB, in bytes.
pub fn kibibytes(file: &str, field: &str) -> anyhow::Result<u64> {
    let text = std::fs::read_to_string(file).with_context(|| file.to_owned())?;
    let value = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':')?.trim().strip_suffix(" kB"));
    let value = value.with_context(|| format!("{file} has no {field}"))?;
    Ok(value.trim().parse::<u64>()? * 1024)
}

fn output(program: &str, arguments: &[&str]) -> String {
    let told = Command::new(program).args(arguments).output();
    told.map(|told| String::from_utf8_lossy(&told.stdout).trim().to_owned()).unwrap_or_default()
}
