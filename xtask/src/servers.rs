//! Programs that tasks need, such as the servers that the tests start: installs them where that is possible, and names the command where it isn't.

use std::process::Command;

/// Program and the Debian package that has it.
const SERVERS: [(&str, &str); 2] = [("redis-server", "redis-server"), ("nats-server", "nats-server")];

/// Tests skip, loudly, what needs a missing server; with `GREENTIC_REQUIRE_SERVERS` set (CI) they fail instead.
pub fn ensure() {
    let missing = provide(&SERVERS);
    if !missing.is_empty() {
        let packages = missing.join(" ");
        eprintln!("install: sudo apt-get install {packages}\nwithout them, the tests that need them are SKIPPED");
    }
}

/// Installs the packages of those programs that are missing, where that is possible. Gives those that still are.
pub fn provide(programs: &[(&str, &'static str)]) -> Vec<&'static str> {
    let missing: Vec<&'static str> =
        programs.iter().filter(|(program, _)| !is_on_path(program)).map(|(_, package)| *package).collect();
    if missing.is_empty() {
        return missing;
    }
    eprintln!("missing: {}", missing.join(" "));
    // Only where it needs no password and changes nothing but what was asked for: a container, a CI machine.
    if is_root() && is_on_path("apt-get") && install(&missing) {
        return Vec::new();
    }
    missing
}

fn install(packages: &[&str]) -> bool {
    eprintln!("installing {} with apt-get", packages.join(" "));
    let apt = |arguments: &[&str]| {
        Command::new("apt-get")
            .env("DEBIAN_FRONTEND", "noninteractive")
            .args(arguments)
            .output()
            .is_ok_and(|told| told.status.success())
    };
    apt(&["update", "--quiet"]) && apt(&[&["install", "--yes", "--no-install-recommends"], packages].concat())
}

fn is_on_path(program: &str) -> bool {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    // Debian keeps servers in sbin, which a user's PATH may lack.
    std::env::split_paths(&paths).any(|folder| folder.join(program).is_file())
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|told| told.stdout.trim_ascii() == b"0")
}
