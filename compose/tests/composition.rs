//! Whole compositions of the real guests: exactly these imports remain, nothing that a part is not given passes, and the
//! same parts give the same bytes.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests stop at a broken assumption"
)]

use greentic_artifacts::{
    COMPOSED_EGRESS_DIRECT, COMPOSED_EGRESS_NATS, COMPOSED_EGRESS_TRIGGER, COMPOSED_ENVIRONMENT,
    COMPOSED_SESSION_REDIS, EDGE, HELLO_HTTP, LOOKUP_TOOL, SHOUT, SPIN_SESSION_REDIS, SPIN_VARIABLES, TELEGRAM,
};
use greentic_compose::{
    ComposeError, Composed, Data, FlowRecords, Part, Parts, Route, Target, compose, compose_egress,
};
use std::collections::BTreeSet;
use wasm_encoder::{
    CodeSection, EntityType, ExportKind, ExportSection, Function, FunctionSection, ImportSection, MemorySection,
    MemoryType, Module, TypeSection, ValType,
};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

fn route() -> Route {
    Route {
        env: "dev".into(),
        tenant: "default".into(),
        channel: "telegram".into(),
        egress_subject: "greentic.egress.dev.default.default.telegram".into(),
        session_ttl_seconds: 1_800,
        ..Route::default()
    }
}

fn data(route: &Route) -> Data<'_> {
    Data {
        route,
        flow_config: b"\xa0",
        provider_settings: "{}",
        pack_version: "abc",
        default_flow: Some("main"),
        flows: vec![FlowRecords { name: "main", head: b"h", nodes: vec![b"n"] }],
        languages: Vec::new(),
    }
}

fn parts(target: Target, route: &Route) -> Parts<'_> {
    let (session, deployment) = match target {
        Target::Spin => (SPIN_SESSION_REDIS, SPIN_VARIABLES),
        Target::WasiHttp => (COMPOSED_SESSION_REDIS, COMPOSED_ENVIRONMENT),
    };
    Parts {
        edge: Part { name: "edge", wasm: EDGE },
        provider: Part { name: "telegram", wasm: TELEGRAM },
        session: Part { name: "session-redis", wasm: session },
        egress: Part { name: "egress-nats", wasm: COMPOSED_EGRESS_NATS },
        deployment: Part { name: "deployment", wasm: deployment },
        nodes: vec![Part { name: "shout", wasm: SHOUT }, Part { name: "echo", wasm: SHOUT }],
        provider_secrets: vec!["bot_token", "secret_token"],
        flow_secrets: Vec::new(),
        data: data(route),
    }
}

/// Interfaces without versions, which move with the guests' toolchain.
fn interfaces(composed: &Composed) -> BTreeSet<&str> {
    let names: BTreeSet<&str> = composed
        .imports
        .iter()
        .map(|import| import.split_once('@').map_or(import.as_str(), |(name, _)| name))
        .collect();
    assert_eq!(names.len(), composed.imports.len(), "one interface in two versions: {:?}", composed.imports);
    names
}

/// What every part written in Rust imports, beside the environment.
const BASE: [&str; 13] = [
    "wasi:cli/exit",
    "wasi:cli/stderr",
    "wasi:cli/stdin",
    "wasi:cli/stdout",
    "wasi:cli/terminal-input",
    "wasi:cli/terminal-output",
    "wasi:cli/terminal-stderr",
    "wasi:cli/terminal-stdin",
    "wasi:cli/terminal-stdout",
    "wasi:http/types",
    "wasi:io/error",
    "wasi:io/poll",
    "wasi:io/streams",
];

const CLOCKS: [&str; 2] = ["wasi:clocks/monotonic-clock", "wasi:clocks/wall-clock"];
const SENDING: &str = "wasi:http/outgoing-handler";
const SOCKETS: [&str; 5] = [
    "wasi:sockets/instance-network",
    "wasi:sockets/ip-name-lookup",
    "wasi:sockets/network",
    "wasi:sockets/tcp",
    "wasi:sockets/tcp-create-socket",
];

/// Tickets and TLS; the seed is what the standard library gives each hash map.
const RANDOM: [&str; 2] = ["wasi:random/random", "wasi:random/insecure-seed"];

fn expected(lists: &[&[&'static str]]) -> BTreeSet<&'static str> {
    lists.iter().flat_map(|list| list.iter().copied()).collect()
}

#[test]
fn for_wasi_http_only_wasi_remains() {
    let route = route();
    let composed = compose(Target::WasiHttp, &parts(Target::WasiHttp, &route)).unwrap();
    let lists: [&[&str]; 5] = [&BASE, &CLOCKS, &SOCKETS, &[SENDING, "wasi:cli/environment"], &RANDOM];
    assert_eq!(interfaces(&composed), expected(&lists));
    // Five, two nodes, and data, dispatcher, nothing and the flows' secrets.
    assert_eq!(composed.parts, 11);
    // With secrets of its flows, the provider's are told apart from them.
    let with_secrets = Parts { flow_secrets: vec!["api_key"], ..parts(Target::WasiHttp, &route) };
    let composed = compose(Target::WasiHttp, &with_secrets).unwrap();
    assert_eq!((interfaces(&composed), composed.parts), (expected(&lists), 12));
}

#[test]
fn for_spin_redis_and_variables_remain_and_no_part_sees_the_environment() {
    let route = route();
    let composed = compose(Target::Spin, &parts(Target::Spin, &route)).unwrap();
    let spin: [&str; 2] = ["fermyon:spin/redis", "fermyon:spin/variables"];
    let lists: [&[&str]; 6] = [&BASE, &CLOCKS, &SOCKETS, &spin, &[SENDING], &RANDOM];
    assert_eq!(interfaces(&composed), expected(&lists));
    for exact in ["fermyon:spin/redis@2.0.0", "fermyon:spin/variables@2.0.0"] {
        assert!(composed.imports.iter().any(|import| import == exact), "{:?}", composed.imports);
    }
}

#[test]
fn direct_egress_needs_no_sockets_on_spin() {
    let route = route();
    let egress = Part { name: "egress-direct", wasm: COMPOSED_EGRESS_DIRECT };
    let composed = compose(Target::Spin, &Parts { egress, ..parts(Target::Spin, &route) }).unwrap();
    assert!(!interfaces(&composed).iter().any(|import| import.starts_with("wasi:sockets")), "{:?}", composed.imports);
    assert!(interfaces(&composed).contains(SENDING));
}

#[test]
fn the_egress_component_sends_and_has_neither_session_nor_bus() {
    let route = route();
    let provider = Part { name: "telegram", wasm: TELEGRAM };
    let trigger = Part { name: "egress-trigger", wasm: COMPOSED_EGRESS_TRIGGER };
    for (target, wasm) in [(Target::Spin, SPIN_VARIABLES), (Target::WasiHttp, COMPOSED_ENVIRONMENT)] {
        let deployment = Part { name: "deployment", wasm };
        let composed = compose_egress(target, provider, deployment, trigger, &data(&route)).unwrap();
        let imports = interfaces(&composed);
        assert!(imports.contains(SENDING) && imports.contains("wasi:http/types"), "{imports:?}");
        let others = ["wasi:sockets", "fermyon:spin/redis", "wasi:filesystem"];
        assert!(!imports.iter().any(|import| others.iter().any(|other| import.starts_with(other))), "{imports:?}");
        assert_eq!(imports.contains("wasi:cli/environment"), target == Target::WasiHttp);
        assert_eq!(imports.contains("fermyon:spin/variables"), target == Target::Spin);
        assert_eq!(composed.parts, 5);
    }
}

#[test]
fn the_same_parts_give_the_same_bytes() {
    let route = route();
    for target in [Target::Spin, Target::WasiHttp] {
        let first = compose(target, &parts(target, &route)).unwrap();
        let second = compose(target, &parts(target, &route)).unwrap();
        assert!(first.wasm == second.wasm && first.imports == second.imports);
    }
}

#[test]
fn an_adapter_of_another_target_is_refused_by_name() {
    let route = route();
    let session = Part { name: "session-redis", wasm: SPIN_SESSION_REDIS };
    let refused = compose(Target::WasiHttp, &Parts { session, ..parts(Target::WasiHttp, &route) }).unwrap_err();
    let ComposeError::TargetLacks { target, import, part } = &refused else { panic!("{refused}") };
    assert_eq!((*target, import.as_str(), part.as_str()), ("wasi-http", "fermyon:spin/redis@2.0.0", "session-redis"));
}

#[test]
fn parts_in_the_wrong_place_are_refused_by_name() {
    let route = route();
    let provider = Part { name: "shout", wasm: SHOUT };
    let refused = compose(Target::Spin, &Parts { provider, ..parts(Target::Spin, &route) }).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "component `shout` does not fit world `channel-provider`: export `greentic:edge/provider@1.0.0` is missing"
    );
    let nodes = vec![Part { name: "hello", wasm: HELLO_HTTP }];
    let refused = compose(Target::Spin, &Parts { nodes, ..parts(Target::Spin, &route) }).unwrap_err();
    assert_eq!(refused.to_string(), "component `hello` does not fit world `component`: export `execute` is missing");
    let nodes = vec![Part { name: "lookup-tool", wasm: LOOKUP_TOOL }];
    let refused = compose(Target::Spin, &Parts { nodes, ..parts(Target::Spin, &route) }).unwrap_err();
    assert!(matches!(&refused, ComposeError::NotBridged { part, .. } if part == "lookup-tool"), "{refused}");
    for wasm in [&b""[..], b"\0asm\x01\0\0\0", b"\0asm\x0d\0\x01\0\x07", &EDGE[..EDGE.len() / 2]] {
        let nodes = vec![Part { name: "broken", wasm }];
        let refused = compose(Target::Spin, &Parts { nodes, ..parts(Target::Spin, &route) }).unwrap_err();
        assert!(matches!(&refused, ComposeError::NotAComponent { part, .. } if part == "broken"), "{refused}");
    }
}

/// A node whose `execute` has this result and which imports `import` (`package`, `interface`, function text).
fn node(result: &str, core_results: &[ValType], import: Option<(&str, &str)>) -> Vec<u8> {
    let mut resolve = Resolve::default();
    let component = include_str!("../../wit/component/component.wit");
    resolve.push_source("component.wit", component).unwrap();
    let mut world =
        String::from("package test:node;\nworld node {\n    use greentic:component/types@1.0.0.{message, outcome};\n");
    let mut types = TypeSection::new();
    let mut imports = ImportSection::new();
    types.ty().function([], []);
    if let Some((package, interface)) = import {
        let text = format!("package {package};\ninterface {interface} {{\n    touch: func();\n}}\n");
        resolve.push_source("import.wit", &text).unwrap();
        let (name, version) = package.split_once('@').unwrap();
        let import = format!("{name}/{interface}@{version}");
        world.push_str(&format!("    import {import};\n"));
        imports.import(&import, "touch", EntityType::Function(0));
    }
    world.push_str(&format!("    export execute: func(input: message) -> {result};\n}}\n"));
    let package = resolve.push_source("node.wit", &world).unwrap();
    let world = resolve.select_world(&[package], None).unwrap();

    let mut params = vec![ValType::I32; 6];
    params.push(ValType::I64);
    types.ty().function(params, core_results.iter().copied());
    types.ty().function([ValType::I32; 4], [ValType::I32]);
    let mut functions = FunctionSection::new();
    functions.function(1).function(2);
    let mut memories = MemorySection::new();
    memories.memory(MemoryType { minimum: 1, maximum: None, memory64: false, shared: false, page_size_log2: None });
    let mut code = CodeSection::new();
    let imported = imports.len();
    let mut execute = Function::new_with_locals_types([]);
    if imported > 0 {
        execute.instructions().call(0);
    }
    execute.instructions().i32_const(0).end();
    code.function(&execute);
    let mut realloc = Function::new_with_locals_types([]);
    realloc.instructions().i32_const(1024).end();
    code.function(&realloc);
    let mut exports = ExportSection::new();
    exports.export("execute", ExportKind::Func, imported);
    exports.export("cabi_realloc", ExportKind::Func, imported + 1);
    exports.export("memory", ExportKind::Memory, 0);

    let mut module = Module::new();
    module.section(&types).section(&imports).section(&functions).section(&memories).section(&exports).section(&code);
    let mut core = module.finish();
    embed_component_metadata(&mut core, &resolve, world, StringEncoding::UTF8).unwrap();
    let mut encoder = ComponentEncoder::default();
    encoder.validate(true);
    encoder.module(&core).unwrap();
    encoder.encode().unwrap()
}

#[test]
fn a_node_of_an_older_wasi_composes() {
    let route = route();
    let wasm = node("outcome", &[ValType::I32], Some(("wasi:random@0.2.0", "random")));
    // Our parts import it too, in a newer version: `interfaces` sees to it that one import remains.
    let nodes = vec![Part { name: "old", wasm: &wasm }];
    let composed = compose(Target::Spin, &Parts { nodes, ..parts(Target::Spin, &route) }).unwrap();
    assert!(interfaces(&composed).contains("wasi:random/random"));
}

#[test]
fn a_node_that_wants_more_than_to_compute_is_refused() {
    let route = route();
    for (package, interface) in [
        ("wasi:sockets@0.2.6", "instance-network"),
        ("wasi:http@0.2.6", "outgoing-handler"),
        ("wasi:keyvalue@0.2.0", "store"),
        ("fermyon:spin@2.0.0", "variables"),
        ("greentic:edge@1.0.0", "deployment"),
    ] {
        let wasm = node("outcome", &[ValType::I32], Some((package, interface)));
        let nodes = vec![Part { name: "greedy", wasm: &wasm }];
        let refused = compose(Target::Spin, &Parts { nodes, ..parts(Target::Spin, &route) }).unwrap_err();
        let (name, version) = package.split_once('@').unwrap();
        let ComposeError::NotGranted { part, import, role } = &refused else { panic!("{refused}") };
        assert_eq!((part.as_str(), *role), ("greedy", "node component"));
        assert_eq!(*import, format!("{name}/{interface}@{version}"));
    }
}

#[test]
fn a_node_with_another_signature_is_refused_with_its_name() {
    let route = route();
    let wasm = node("u32", &[ValType::I32], None);
    let nodes = vec![Part { name: "shout", wasm: SHOUT }, Part { name: "odd", wasm: &wasm }];
    let refused = compose(Target::Spin, &Parts { nodes, ..parts(Target::Spin, &route) }).unwrap_err().to_string();
    let start = "component `odd` does not fit world `component`: export `execute` differs: ";
    assert!(refused.starts_with(start), "{refused}");
}

#[test]
fn a_node_is_told_by_the_interface_it_answers_by() {
    let lookup = greentic_compose::node_interface(greentic_artifacts::LOOKUP_TOOL);
    assert_eq!(lookup.as_deref(), Some("greentic:mcp/tool@1.0.0"));
    assert_eq!(greentic_compose::node_interface(greentic_artifacts::SHOUT), None);
    assert_eq!(greentic_compose::node_interface(b"no component"), None);
}
