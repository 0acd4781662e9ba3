//! The command that runs a component without us: `wasmtime serve` (its version 48) with the flags the component needs
//! and no other.

use super::Setting;

/// Program and arguments. Values come from the environment it is started in: an argument could be read by every user of
/// the machine.
pub fn wasmtime_serve(imports: &[String], environment: &[Setting], file: &str) -> Vec<String> {
    let imported = |interface: &str| imports.iter().any(|import| import.split('@').next() == Some(interface));
    // `cli`: without it `serve` offers no environment and no sockets at all.
    let mut options = vec!["cli"];
    if imported("wasi:sockets/tcp") {
        // All addresses: it knows no narrower grant. UDP comes with it and is not used.
        options.extend(["inherit-network", "udp=n"]);
    }
    if imported("wasi:sockets/ip-name-lookup") {
        options.push("allow-ip-name-lookup");
    }
    let mut command = vec!["wasmtime".to_owned(), "serve".to_owned(), "-S".to_owned(), options.join(",")];
    for setting in environment {
        command.extend(["--env".to_owned(), setting.variable.clone()]);
    }
    command.push(file.to_owned());
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    fn serve(imports: &[&str], variables: &[&str]) -> String {
        let imports: Vec<String> = imports.iter().map(|import| (*import).to_owned()).collect();
        let environment: Vec<Setting> = variables
            .iter()
            .map(|variable| Setting { variable: (*variable).to_owned(), meaning: String::new(), required: true })
            .collect();
        wasmtime_serve(&imports, &environment, "a.wasm").join(" ")
    }

    #[test]
    fn only_what_is_imported_is_granted() {
        assert_eq!(serve(&["wasi:cli/environment@0.2.6"], &[]), "wasmtime serve -S cli a.wasm");
        let sockets = ["wasi:sockets/tcp@0.2.6", "wasi:sockets/ip-name-lookup@0.2.6"];
        assert_eq!(
            serve(&sockets, &["GREENTIC_REDIS_URL"]),
            "wasmtime serve -S cli,inherit-network,udp=n,allow-ip-name-lookup --env GREENTIC_REDIS_URL a.wasm"
        );
    }
}
