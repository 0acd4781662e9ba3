//! `bundle export` and `pack compose`: the same bundle gives the same bytes, the manifest is one that Spin reads, what
//! a target lacks is refused by flow and node, and the manifest in the repository is the demo's.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests stop at a broken assumption"
)]

use greentic_tests::{Bundle, ECHO, MISBEHAVING, command};
use std::collections::BTreeMap;
use std::path::Path;
use toml::{Table, Value};

/// Where nothing listens: no test of this file sends anything.
const NOWHERE: &str = "http://127.0.0.1:9";

/// A pack directory is packed anew by each export, with the time in its manifest.
const EPOCH: (&str, &str) = ("SOURCE_DATE_EPOCH", "1790000000");

/// Runs it to its end in `directory`: status, standard output, standard error.
fn run(directory: &Path, arguments: &[&str]) -> (i32, String, String) {
    let told = command().args(arguments).env(EPOCH.0, EPOCH.1).current_dir(directory).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (told.status.code().unwrap(), text(&told.stdout), text(&told.stderr))
}

fn export(bundle: &Bundle, into: &str, egress: &str) -> (i32, String) {
    bundle.config("");
    let arguments = ["bundle", "export", "--target", "spin", into, "--config", "greentic.toml", "--egress", egress];
    let (status, _, error) = run(bundle.path(), &arguments);
    (status, error)
}

/// Every file below a directory, by its name there.
fn files(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for folder in ["", "components"] {
        for entry in std::fs::read_dir(directory.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                let name = path.strip_prefix(directory).unwrap().display().to_string();
                found.insert(name, std::fs::read(&path).unwrap());
            }
        }
    }
    found
}

fn manifest(directory: &Path) -> Table {
    std::fs::read_to_string(directory.join("spin.toml")).unwrap().parse().unwrap()
}

/// Two tenants, one of them with two teams, in names that Spin does not know as they are.
fn several_tenants() -> Bundle {
    let bundle = Bundle::with_flow(NOWHERE, MISBEHAVING, &[("misbehave", greentic_artifacts::MISBEHAVE)]);
    let channel = "{channels: {telegram: {provider: messaging-telegram}}}";
    let acme = format!("{{teams: {{default: {channel}, sales-24h: {channel}}}}}");
    tenants(&bundle, &format!("{{acme: {acme}, globex: {{teams: {{default: {channel}}}}}}}"));
    bundle
}

fn tenants(bundle: &Bundle, yaml: &str) {
    bundle.edit(|text| format!("{}tenants: {yaml}\n", text.split_once("tenants:").unwrap().0));
}

#[test]
fn the_same_bundle_gives_the_same_bytes_and_a_manifest_that_spin_reads() {
    let bundles = [
        (Bundle::demo(NOWHERE), "nats", 1),
        (Bundle::with_flow(NOWHERE, ECHO, &[]), "trigger", 2),
        (several_tenants(), "direct", 3),
    ];
    for (bundle, egress, components) in bundles {
        for into in ["once", "twice"] {
            let (status, error) = export(&bundle, into, egress);
            assert_eq!(status, 0, "{egress}: {error}");
        }
        let once = files(&bundle.path().join("once"));
        assert_eq!(once.len(), components + 1, "{:?}", once.keys());
        for (name, bytes) in files(&bundle.path().join("twice")) {
            assert!(once[&name] == bytes, "{egress}: {name} differs between two exports");
        }
        let manifest = manifest(&bundle.path().join("once"));
        assert_eq!(problems(&manifest, &bundle.path().join("once")), Vec::<String>::new(), "{egress}");
    }
}

#[test]
fn only_what_sends_may_reach_the_platform() {
    let bundle = Bundle::demo(NOWHERE);
    let hosts = |egress: &str| {
        let (status, error) = export(&bundle, egress, egress);
        assert_eq!(status, 0, "{error}");
        let manifest = manifest(&bundle.path().join(egress));
        let components = manifest["component"].as_table().unwrap().iter();
        components.map(|(id, component)| format!("{id} {}", component["allowed_outbound_hosts"])).collect::<Vec<_>>()
    };
    let webhook = r#"telegram-demo-default ["{{ redis_url }}", "tcp://{{ nats_address }}"]"#;
    assert_eq!(hosts("nats"), [webhook]);
    assert_eq!(hosts("trigger"), [r#"egress-telegram-demo-default ["http://127.0.0.1:9"]"#, webhook]);
    assert_eq!(hosts("direct"), [r#"telegram-demo-default ["{{ redis_url }}", "http://127.0.0.1:9"]"#]);
}

#[test]
fn the_manifest_in_the_repository_is_the_demos() {
    let directory = tempfile::tempdir().unwrap();
    let (status, told, error) = run(directory.path(), &["bundle", "export", "--target", "spin", ".", "--demo"]);
    assert_eq!(status, 0, "{error}");
    assert!(told.contains("SPIN_VARIABLE_DEMO_DEFAULT_TELEGRAM_BOT_TOKEN"), "{told}");
    assert_eq!(problems(&manifest(directory.path()), directory.path()), Vec::<String>::new());
    let exported = std::fs::read_to_string(directory.path().join("spin.toml")).unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let kept = std::fs::read_to_string(root.join("spin.toml")).unwrap();
    assert!(
        exported == kept,
        "spin.toml is not the demo's export; at the repository's root run\n  \
         cargo run -p greentic-edge -- bundle export --target spin . --demo\nexported:\n{exported}"
    );
}

#[test]
fn a_node_that_needs_more_is_refused_by_flow_and_node() {
    // A real component that asks for sockets where it asked for its environment; the names are of one length.
    let (found, wanted) = (b"wasi:cli/environment", b"wasi:sockets/network");
    let mut wasm = greentic_artifacts::SHOUT.to_vec();
    while let Some(at) = wasm.windows(found.len()).position(|window| window == found) {
        wasm[at..at + wanted.len()].copy_from_slice(wanted);
    }
    let flow = ECHO.replace("type: reply", "type: shout").replace("config: {message: \"{{message}}\"}", "output: loud");
    let bundle = Bundle::with_flow(NOWHERE, &flow, &[("shout", &wasm)]);
    let (status, error) = export(&bundle, "out", "nats");
    assert_eq!(status, 4, "{error}");
    let reason = "component `shout` needs `wasi:sockets/network`, which target spin does not give to a node \
                  (flow `main`, node `say`)";
    assert!(error.contains(reason), "{error}");
    assert!(!bundle.path().join("out").exists(), "a refused bundle leaves nothing");
}

#[test]
fn tenants_that_would_share_a_variable_are_both_named() {
    let bundle = Bundle::with_flow(NOWHERE, ECHO, &[]);
    let teams = "{teams: {default: {channels: {telegram: {provider: messaging-telegram}}}}}";
    tenants(&bundle, &format!("{{a-b: {teams}, a_b: {teams}}}"));
    let (status, error) = export(&bundle, "out", "nats");
    assert_eq!(status, 2, "{error}");
    assert!(
        error.contains("a-b/default/telegram_bot_token") && error.contains("a_b/default/telegram_bot_token"),
        "{error}"
    );
}

#[test]
fn somebody_elses_manifest_is_not_written_over() {
    let bundle = Bundle::with_flow(NOWHERE, ECHO, &[]);
    std::fs::write(bundle.path().join("spin.toml"), "spin_manifest_version = 2\n").unwrap();
    let (status, error) = export(&bundle, ".", "nats");
    assert!(status == 1 && error.contains("spin.toml"), "{status} {error}");
    assert_eq!(std::fs::read_to_string(bundle.path().join("spin.toml")).unwrap(), "spin_manifest_version = 2\n");
}

#[test]
fn a_pack_becomes_one_component_with_the_command_that_runs_it() {
    let bundle = Bundle::demo(NOWHERE);
    let compose = |more: &[&str]| {
        let fixed = ["pack", "compose", "app.gtpack", "--channel", "telegram", "--target", "wasi-http", "-o", "dist"];
        run(bundle.path(), &[&fixed[..], more].concat())
    };
    // Whose pack it is is checked as a host checks it.
    let (status, _, error) = compose(&[]);
    assert!(status == 2 && error.contains("app.gtpack"), "{status} {error}");
    assert_eq!(compose(&["--allow-unsigned"]).0, 0);

    let (status, told, error) = compose(&["--trusted-publisher", "publisher.pub.pem", "--tenant", "demo", "--json"]);
    assert_eq!(status, 0, "{error}");
    let report: serde_json::Value = serde_json::from_str(&told).unwrap();
    let file = report["file"].as_str().unwrap();
    assert_eq!(file, "dist/demo-hello-demo-default-telegram.wasm");
    let wasm = std::fs::read(bundle.path().join(file)).unwrap();
    assert_eq!(report["bytes"], wasm.len());
    let command: Vec<&str> = report["command"].as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect();
    assert_eq!(command[..3], ["wasmtime", "serve", "-S"]);
    assert_eq!(command.last(), Some(&file));
    for variable in ["GREENTIC_REDIS_URL", "GREENTIC_NATS_URL", "GREENTIC_SECRET__BOT_TOKEN"] {
        assert!(command.windows(2).any(|pair| pair == ["--env", variable]), "{variable} in {command:?}");
    }

    let (status, _, error) = compose(&["--allow-unsigned", "--part", "egress", "--egress", "direct"]);
    assert!(status == 2 && error.contains("--part egress"), "{status} {error}");
    assert_eq!(compose(&["--allow-unsigned", "--part", "egress"]).0, 0);
    assert!(bundle.path().join("dist/demo-hello-default-default-telegram-egress.wasm").exists());
}

/// Keys of each table and their types; `*` is any name. From Spin's crates/manifest/src/schema/v2.rs and common.rs
/// (application, variables, component) and crates/http/src/config.rs (trigger.http), as of August 2026.
const SCHEMA: &[(&str, &[(&str, &str)])] = &[
    (
        "",
        &[
            ("spin_manifest_version", "integer"),
            ("application", "table"),
            ("variables", "table"),
            ("trigger", "table"),
            ("component", "table"),
        ],
    ),
    ("application", &[("name", "string"), ("version", "string"), ("description", "string"), ("authors", "array")]),
    ("variables", &[("*", "table")]),
    (
        "variables.*",
        &[("description", "string"), ("required", "boolean"), ("default", "string"), ("secret", "boolean")],
    ),
    ("trigger", &[("http", "array")]),
    ("trigger.http", &[("id", "string"), ("component", "string"), ("route", "string"), ("executor", "table")]),
    ("component", &[("*", "table")]),
    (
        "component.*",
        &[
            ("source", "string"),
            ("description", "string"),
            ("variables", "table"),
            ("environment", "table"),
            ("files", "array"),
            ("allowed_outbound_hosts", "array"),
            ("key_value_stores", "array"),
            ("sqlite_databases", "array"),
            ("ai_models", "array"),
        ],
    ),
    ("component.*.variables", &[("*", "string")]),
];

/// Everything that Spin would refuse, as far as it can be told from the text.
fn problems(manifest: &Table, directory: &Path) -> Vec<String> {
    let mut problems = Vec::new();
    fields("", manifest, &mut problems);
    if !problems.is_empty() {
        return problems;
    }
    let variables = manifest["variables"].as_table().unwrap();
    for (name, variable) in variables {
        if !is_name(name, '_') {
            problems.push(format!("variable {name}"));
        }
        // common.rs and crates/loader/src/local.rs: one of the two.
        if variable.get("required").is_some() == variable.get("default").is_some() {
            problems.push(format!("variable {name}: required, or with a default"));
        }
    }
    let components = manifest["component"].as_table().unwrap();
    for (id, component) in components {
        if !is_name(id, '-') {
            problems.push(format!("component {id}"));
        }
        if !directory.join(component["source"].as_str().unwrap()).is_file() {
            problems.push(format!("component {id}: no {}", component["source"]));
        }
        let own = component["variables"].as_table().unwrap();
        problems.extend(own.keys().filter(|name| !is_name(name, '_')).map(|name| format!("{id}: variable {name}")));
        let hosts = component["allowed_outbound_hosts"].as_array().unwrap();
        for template in own.values().chain(hosts).map(|value| value.as_str().unwrap()) {
            let unknown = expressions(template).into_iter().filter(|name| !variables.contains_key(*name));
            problems.extend(unknown.map(|name| format!("{id}: no variable {name}")));
        }
    }
    for trigger in manifest["trigger"]["http"].as_array().unwrap() {
        let (route, component) = (trigger["route"].as_str().unwrap(), trigger["component"].as_str().unwrap());
        if !route.starts_with('/') || !components.contains_key(component) {
            problems.push(format!("route {route} to {component}"));
        }
    }
    problems
}

fn fields(place: &str, table: &Table, problems: &mut Vec<String>) {
    let Some((_, known)) = SCHEMA.iter().find(|(known, _)| *known == place) else {
        problems.push(format!("no table `{place}`"));
        return;
    };
    for (key, value) in table {
        let Some((name, kind)) = known.iter().find(|(name, _)| *name == "*" || name == key) else {
            problems.push(format!("no field `{key}` in `{place}`"));
            continue;
        };
        if value.type_str() != *kind {
            problems.push(format!("`{key}` in `{place}` is no {kind}"));
        }
        let below = if place.is_empty() { (*name).to_owned() } else { format!("{place}.{name}") };
        let tables: Vec<&Table> = match value {
            Value::Table(table) => vec![table],
            Value::Array(items) => items.iter().filter_map(Value::as_table).collect(),
            _ => Vec::new(),
        };
        tables.into_iter().for_each(|table| fields(&below, table, problems));
    }
}

/// crates/serde/src/id.rs: words, each with a letter first.
fn is_name(name: &str, separator: char) -> bool {
    name.split(separator).all(|word| {
        word.starts_with(|c: char| c.is_ascii_lowercase())
            && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
    })
}

/// crates/expressions/src/template.rs: `{{ name }}`.
fn expressions(template: &str) -> Vec<&str> {
    template.split("{{").skip(1).map(|rest| rest.split_once("}}").expect("a closed expression").0.trim()).collect()
}

#[test]
fn the_check_of_manifests_finds_what_is_wrong() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let good = std::fs::read_to_string(root.join("spin.toml")).unwrap();
    // Its components are not in the repository.
    let wrong = |text: &str| {
        let found = problems(&text.parse().unwrap(), root);
        found.into_iter().filter(|problem| !problem.contains(": no \"components/")).collect::<Vec<_>>()
    };
    assert_eq!(wrong(&good), Vec::<String>::new());
    for (from, to) in [
        ("source =", "sauce ="),
        ("version = \"0.1.0\"", "version = 1"),
        ("[[trigger.http]]", "[[trigger.htp]]"),
        ("component = \"telegram-demo-default\"", "component = \"telegram\""),
        ("required = true, ", ""),
        ("{ default = \"nats\" }", "{ default = \"nats\", required = true }"),
        ("{{ redis_url }}", "{{ redis_uri }}"),
        ("nats_ca = \"", "nats-ca = \""),
        ("telegram-demo-default", "telegram-demo-24h"),
    ] {
        assert!(good.contains(from), "{from}");
        assert!(!wrong(&good.replace(from, to)).is_empty(), "{from} as {to} was not found");
    }
}
