//! Every guest component that is built loads in its role and in no role with fewer rights. The macro at the end proves
//! that none is without its test: a guest that is added does not compile here until it has one of its name.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests stop at a broken assumption"
)]

use greentic_artifacts::{
    COMPOSED_EGRESS_DIRECT, COMPOSED_EGRESS_NATS, COMPOSED_EGRESS_TRIGGER, COMPOSED_ENVIRONMENT,
    COMPOSED_SESSION_REDIS, EDGE, EGRESS_NATS, HELLO_HTTP, LOOKUP_TOOL, MISBEHAVE, PROBE_HTTP, SHOUT,
    SPIN_SESSION_REDIS, SPIN_VARIABLES, TELEGRAM,
};
use greentic_host::components::{ComponentError, Gateway, Loader, Node};
use greentic_host::engine::{EngineSettings, KEEP_RESIDENT_BYTES, NativeCode, Role, request_engine, sidecar_engine};
use greentic_host::imports::provider::describe;
use greentic_host::sandbox::GuestLimits;
use greentic_host::sidecar::Sidecar;
use greentic_tests::code_cache;

/// A loader as the host has it, with a small pool.
fn with_loader<T>(look: impl FnOnce(&Loader<'_>) -> T) -> T {
    let settings = EngineSettings {
        instances: 4,
        parts: 1,
        memory_bytes: 256 << 20,
        keep_resident_bytes: KEEP_RESIDENT_BYTES,
        trust_page_map: false,
        pooled: true,
    };
    let engine = request_engine(&settings).unwrap();
    let code = NativeCode::open(&code_cache()).unwrap();
    look(&Loader { engine: &engine, code: &code })
}

/// Refused for what it asks for or lacks, and not for another reason.
fn does_not_fit<T>(loaded: Result<T, ComponentError>) -> bool {
    matches!(loaded, Err(ComponentError::Misfit { .. }))
}

#[test]
fn edge() {
    with_loader(|loader| {
        assert!(matches!(loader.gateway("edge", EDGE, Role::Edge), Ok(Gateway::Webhook(..))));
        assert!(matches!(loader.http_gateway("edge", EDGE, Role::Edge), Ok(Gateway::Http(_))));
        assert!(does_not_fit(loader.gateway("edge", EDGE, Role::Http)));
        assert!(does_not_fit(loader.provider("edge", EDGE)));
        assert!(does_not_fit(loader.node("edge", EDGE)));
    });
}

#[tokio::test]
async fn telegram() {
    let provider = with_loader(|loader| {
        assert!(does_not_fit(loader.node("telegram", TELEGRAM)));
        assert!(does_not_fit(loader.gateway("telegram", TELEGRAM, Role::Edge)));
        loader.provider("telegram", TELEGRAM).unwrap()
    });
    let mut description = describe(&provider, &GuestLimits::default()).await.unwrap();
    description.secrets.sort();
    assert_eq!(description.name, "telegram");
    assert_eq!(description.secrets, ["bot_token", "secret_token"]);
    assert_eq!(description.hosts, ["api.telegram.org"]);
    assert_eq!(description.text_limit, 4096);
}

#[test]
fn egress_nats() {
    let code = NativeCode::open(&code_cache()).unwrap();
    let loader = Loader { engine: &sidecar_engine().unwrap(), code: &code };
    assert!(Sidecar::load(&loader, EGRESS_NATS).is_ok());
    // Sockets are linked for the sidecar and for nobody else.
    with_loader(|loader| {
        assert!(does_not_fit(loader.node("egress-nats", EGRESS_NATS)));
        assert!(does_not_fit(loader.provider("egress-nats", EGRESS_NATS)));
        assert!(does_not_fit(loader.gateway("egress-nats", EGRESS_NATS, Role::Edge)));
    });
}

/// A part of compositions is nothing that our host would run: it asks for what no role has, or lacks what each must have.
/// What it does when it is composed is in `parity.rs`.
fn fits_no_role(name: &str, wasm: &[u8]) {
    with_loader(|loader| {
        assert!(does_not_fit(loader.node(name, wasm)));
        assert!(does_not_fit(loader.provider(name, wasm)));
        assert!(does_not_fit(loader.gateway(name, wasm, Role::Edge)));
    });
}

#[test]
fn spin_session_redis() {
    fits_no_role("spin-session-redis", SPIN_SESSION_REDIS);
}

#[test]
fn spin_variables() {
    fits_no_role("spin-variables", SPIN_VARIABLES);
}

#[test]
fn composed_session_redis() {
    fits_no_role("composed-session-redis", COMPOSED_SESSION_REDIS);
}

#[test]
fn composed_environment() {
    fits_no_role("composed-environment", COMPOSED_ENVIRONMENT);
}

#[test]
fn composed_egress_nats() {
    fits_no_role("composed-egress-nats", COMPOSED_EGRESS_NATS);
}

#[test]
fn composed_egress_direct() {
    fits_no_role("composed-egress-direct", COMPOSED_EGRESS_DIRECT);
}

#[test]
fn composed_egress_trigger() {
    fits_no_role("composed-egress-trigger", COMPOSED_EGRESS_TRIGGER);
}

#[test]
fn shout() {
    with_loader(|loader| {
        assert!(loader.node("shout", SHOUT).is_ok());
        assert!(does_not_fit(loader.provider("shout", SHOUT)));
        assert!(does_not_fit(loader.gateway("shout", SHOUT, Role::Edge)));
    });
}

/// What it does when it runs is in `mcp.rs`.
#[test]
fn lookup_tool() {
    with_loader(|loader| {
        assert!(matches!(loader.node("lookup-tool", LOOKUP_TOOL), Ok(Node::Tool(..))));
        assert!(matches!(loader.node("shout", SHOUT), Ok(Node::Component(_))));
        assert!(does_not_fit(loader.provider("lookup-tool", LOOKUP_TOOL)));
        assert!(does_not_fit(loader.gateway("lookup-tool", LOOKUP_TOOL, Role::Edge)));
    });
}

/// What it does when it runs is in `misbehave.rs`.
#[test]
fn misbehave() {
    with_loader(|loader| {
        assert!(loader.node("misbehave", MISBEHAVE).is_ok());
        assert!(does_not_fit(loader.provider("misbehave", MISBEHAVE)));
    });
}

/// What it answers is in `gateways.rs`.
#[test]
fn hello_http() {
    with_loader(|loader| {
        assert!(matches!(loader.gateway("hello", HELLO_HTTP, Role::Http), Ok(Gateway::Http(_))));
        assert!(does_not_fit(loader.node("hello", HELLO_HTTP)));
    });
}

/// What it is given is in `serve_component.rs`.
#[test]
fn probe_http() {
    with_loader(|loader| {
        assert!(loader.program("probe", PROBE_HTTP).is_ok());
        assert!(does_not_fit(loader.gateway("probe", PROBE_HTTP, Role::Edge)));
        assert!(does_not_fit(loader.provider("probe", PROBE_HTTP)));
        assert!(does_not_fit(loader.node("probe", PROBE_HTTP)));
    });
}

macro_rules! has_a_test {
    ($guest:ident) => {
        const _: fn() = $guest;
    };
}

greentic_artifacts::foreach_guest!(has_a_test);
