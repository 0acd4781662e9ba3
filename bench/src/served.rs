//! The product as it is measured: a bundle with an ordinary flow, memory store, in-process bus.

use anyhow::Context;
use greentic_edge::{BUILTINS, build_pack_directory};
use greentic_host::bindings::greentic::edge::provider::Received;
use greentic_host::bindings::greentic::edge::types::{Message, MessageKind, Request, Response};
use greentic_host::bundle::BUNDLE_FILE;
use greentic_host::bus::Inlet;
use greentic_host::config::Config;
use greentic_host::engine::NativeCode;
use greentic_host::load::{self, Parts, Running};
use greentic_host::route::Route;
use greentic_host::sandbox::Sandbox;
use greentic_host::secrets::{FixedSecrets, Secret};
use greentic_host::services::Services;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use wasmtime::Engine;
use wasmtime::component::Linker;

pub const SECRET_TOKEN: &str = "A1b2C3d4-secret_TOKEN";

/// Chats that the requests are spread over: turns of one conversation wait for each other.
const CHATS: u64 = 512;

/// A turn as most are: a template, a branch, a change of state, a reply. Components are called between the first two
/// parts, so that every flow differs from the plain one by its calls alone.
const FLOW_BEGIN: &str = r#"
name: main
version: 1.0.0
nodes:
  - id: choose
    type: branch
    config:
      conditions:
        - expression: state.count > 1000000
          next: tired
      default: compose
  - id: compose
    type: template
    config: {template: "Hello {{user_id}}, you said {{message}}; before that {{state.last}}."}
    output: words
    next: "#;

const FLOW_REMEMBER: &str = r#"remember
  - id: remember
    type: state
    config: {action: set, key: last, value: "{{message}}"}
    next: answer
  - id: answer
    type: reply
    config: {message: "{{words}}"#;

const FLOW_END: &str = r#""}
  - id: tired
    type: reply
    config: {message: "Enough."}
triggers:
  - {type: default, target: choose}
"#;

const BUNDLE: &str = "
name: bench
providers: {messaging-telegram: {}}
apps: {bench: {path: app}}
tenants: {bench: {teams: {default: {channels: {telegram: {provider: messaging-telegram}}}}}}
";

const PACK: &str = "
[pack]
name = \"bench\"
version = \"1.0.0\"
[capabilities]
id = \"greentic.cap.app.v1\"
provides = [\"greentic.cap.app.v1\"]
[flows]
main = \"flows/main.ygtc\"
";

/// Precompiled code of benchmark builds; beside the binary, so that it goes with `cargo clean`.
pub fn code_cache() -> PathBuf {
    let binary = std::env::current_exe().unwrap_or_default();
    binary.parent().map(|folder| folder.join("bench-code-cache")).unwrap_or_default()
}

/// The ordinary flow with calls of these components in it, one after the other; the reply ends with their answers.
pub fn flow(calls: &[&str]) -> String {
    let mut flow = FLOW_BEGIN.to_owned();
    for call in calls {
        flow += &format!("call_{call}\n  - id: call_{call}\n    type: {call}\n    output: said_{call}\n    next: ");
    }
    flow += FLOW_REMEMBER;
    flow.extend(calls.iter().map(|call| format!(" {{{{said_{call}}}}}")));
    flow + FLOW_END
}

/// A bundle of one tenant whose app has this flow and these components.
pub fn write_bundle(directory: &Path, flow: &str, components: &[(String, Vec<u8>)]) -> anyhow::Result<()> {
    let app = directory.join("app");
    std::fs::create_dir_all(app.join("flows"))?;
    std::fs::create_dir_all(app.join("components"))?;
    let mut pack = format!("{PACK}[components]\n");
    for (name, wasm) in components {
        let path = format!("components/{name}.wasm");
        std::fs::write(app.join(&path), wasm)?;
        pack += &format!("{name} = \"{path}\"\n");
    }
    std::fs::write(directory.join(BUNDLE_FILE), BUNDLE)?;
    std::fs::write(app.join("pack.toml"), pack)?;
    std::fs::write(app.join("flows/main.ygtc"), flow)?;
    Ok(())
}

/// The product's configuration but for two things: nobody sends, and the code cache is the benchmark's.
pub fn config() -> Config {
    let mut config = Config::default();
    config.server.egress_worker = false;
    config.wasm.cache_dir = Some(code_cache());
    config
}

pub fn secrets() -> FixedSecrets {
    let secret = Secret::new(SECRET_TOKEN.as_bytes().to_vec());
    FixedSecrets(BTreeMap::from([("telegram_secret_token".to_owned(), secret)]))
}

/// What the host is made from, as the command line makes it.
pub fn host_parts<'a>(config: &'a Config, directory: &'a Path, secrets: &'a FixedSecrets) -> Parts<'a> {
    Parts {
        config,
        directory,
        builtins: &BUILTINS,
        build_directory: &build_pack_directory,
        trust_directories: true,
        settings: BTreeMap::new(),
        secrets,
    }
}

/// The host, loaded as the product loads it, but with nobody sending: a consumer takes the replies off the bus.
pub async fn load() -> anyhow::Result<Running> {
    let directory = tempfile::tempdir()?;
    write_bundle(directory.path(), &flow(&[]), &[])?;
    let running = load::load(&host_parts(&config(), directory.path(), &secrets())).await?;
    let route = only_route(&running)?;
    tokio::spawn(consume(Arc::clone(&running.inlet), route.egress_subject.clone()));
    Ok(running)
}

/// The bundle's one route.
pub fn only_route(running: &Running) -> anyhow::Result<Arc<Route>> {
    let webhooks = running.host.webhooks().context("the host serves no bundle")?;
    let (_, route) = webhooks.routes.all().into_iter().next().context("no route")?;
    Ok(Arc::clone(route))
}

async fn consume(inlet: Arc<dyn Inlet>, subject: String) {
    let Ok(mut replies) = inlet.subscribe(&subject).await else { return };
    while replies.next().await.is_ok() {}
}

/// What an edge instance needs, with the route's provider compiled by `engine`.
pub struct Served {
    pub route: Arc<Route>,
    pub services: Arc<Services>,
    /// Keeps the host's background work alive.
    pub _running: Running,
}

pub async fn parts(engine: &Engine, code: &NativeCode) -> anyhow::Result<Served> {
    let running = load().await?;
    let webhooks = running.host.webhooks().context("the host serves no bundle")?;
    let services = Arc::clone(&webhooks.services);
    let loaded = only_route(&running)?;
    // A store can only hold instances of its own engine's components.
    let loader = greentic_host::components::Loader { engine, code };
    let provider = Arc::new(loader.provider("telegram", greentic_artifacts::TELEGRAM)?);
    let route = Route {
        key: loaded.key.clone(),
        egress_subject: loaded.egress_subject.clone(),
        events_subject: loaded.events_subject.clone(),
        provider,
        app: Arc::clone(&loaded.app),
        flow_secrets: loaded.flow_secrets.clone(),
        provider_config: loaded.provider_config.clone(),
        secrets: loaded.secrets.clone(),
        outgoing: Arc::clone(&loaded.outgoing),
        error_message: loaded.error_message.clone(),
        default_locale: loaded.default_locale.clone(),
        session_ttl_seconds: loaded.session_ttl_seconds,
        share: Arc::clone(&loaded.share),
    };
    Ok(Served { route: Arc::new(route), services, _running: running })
}

/// A Telegram update as Telegram sends it; each number is another update.
pub fn update(number: u64) -> String {
    let chat = 1_000 + number % CHATS;
    format!(
        r#"{{"update_id":{number},"message":{{"date":1441645532,"chat":{{"last_name":"Test Lastname","id":{chat},"type":"private","first_name":"Test Firstname","username":"Testusername"}},"message_id":{number},"from":{{"last_name":"Test Lastname","id":{chat},"is_bot":false,"first_name":"Test Firstname","username":"Testusername"}},"text":"hello number {number}"}}}}"#
    )
}

pub fn request(number: u64) -> Request {
    request_with(number, SECRET_TOKEN)
}

/// The same with another secret token: any but the right one is refused with 403.
pub fn request_with(number: u64, secret_token: &str) -> Request {
    let header = |name: &str, value: &str| (name.to_owned(), value.as_bytes().to_vec());
    Request {
        method: "POST".into(),
        path: String::new(),
        query: None,
        headers: vec![
            header("content-type", "application/json"),
            header("x-telegram-bot-api-secret-token", secret_token),
            header("host", "127.0.0.1"),
            header("accept-encoding", "gzip, deflate"),
            header("content-length", "380"),
        ],
        body: update(number).into_bytes(),
    }
}

/// Replaces the provider import: one instance less, the rest is real.
pub fn answer_from_memory(linker: &mut Linker<Sandbox>, with_message: bool) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    let mut provider = linker.instance("greentic:edge/provider@1.0.0")?;
    let number = std::sync::atomic::AtomicU64::new(1);
    provider.func_wrap("webhook", move |_, (_,): (Request,)| {
        let number = number.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let response = Response { status: 200, headers: Vec::new(), body: Vec::new() };
        let messages = if with_message { vec![message(number)] } else { Vec::new() };
        Ok((Received { response, messages },))
    })
}

fn message(number: u64) -> Message {
    let chat = (1_000 + number % CHATS).to_string();
    Message {
        delivery_id: number.to_string(),
        kind: MessageKind::Message,
        conversation: chat.clone(),
        thread: None,
        user: chat,
        user_name: Some("Test Firstname Test Lastname".into()),
        message_id: Some(number.to_string()),
        text: format!("hello number {number}"),
        action: None,
        command: None,
        attachments: Vec::new(),
        locale: None,
        timestamp: 1_441_645_532_000,
        starts_turn: true,
        reply_context: None,
        acknowledgement: None,
    }
}
