//! The host serves a component by `wasi:http` as well as by its faster export: a program that knows nothing of greentic
//! is served as it is, and the edge answers alike both ways.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests stop at a broken assumption"
)]

use greentic_host::components::{Gateway, Loader};
use greentic_host::config::{Config, SecurityConfig, WasmConfig};
use greentic_host::engine::{NativeCode, Role};
use greentic_host::load::{self, BuiltPack, Parts, Running};
use greentic_host::secrets::{FixedSecrets, Secret};
use greentic_host::server::{self, Drained};
use greentic_tests::{BOT_TOKEN, Bundle, FakeTelegram, PATIENCE, SECRET_TOKEN, code_cache, said, text};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

const PATH: &str = "/webhook/telegram/demo/default";
const CHAT: i64 = 3;

fn no_directories(directory: &Path) -> anyhow::Result<BuiltPack> {
    anyhow::bail!("{} is no pack", directory.display())
}

/// The host as the command line makes it.
async fn loaded(bundle: &Bundle) -> Running {
    let publishers = vec!["publisher.pub.pem".into()];
    let config = Config {
        wasm: WasmConfig { cache_dir: Some(code_cache()), ..WasmConfig::default() },
        security: SecurityConfig { trusted_publishers: publishers, ..SecurityConfig::default() },
        ..Config::default()
    };
    let secret = |name: &str, value: &str| (name.to_owned(), Secret::new(value.as_bytes().to_vec()));
    let secrets = FixedSecrets(BTreeMap::from([
        secret("telegram_secret_token", SECRET_TOKEN),
        secret("telegram_bot_token", BOT_TOKEN),
    ]));
    let parts = Parts {
        config: &config,
        directory: bundle.path(),
        builtins: &greentic_edge::BUILTINS,
        build_directory: &no_directories,
        trust_directories: false,
        settings: BTreeMap::new(),
        secrets: &secrets,
    };
    load::load(&parts).await.unwrap()
}

/// The same, serving another component, or the same one another way.
async fn loaded_with(bundle: &Bundle, choose: impl FnOnce(&Loader<'_>) -> Gateway) -> Running {
    let mut running = loaded(bundle).await;
    let engine = running.host.engine.clone();
    let code = NativeCode::open(&code_cache()).unwrap();
    let gateway = choose(&Loader { engine: &engine, code: &code });
    let host = Arc::get_mut(&mut running.host).expect("nothing shares the host yet");
    host.webhooks_mut().unwrap().gateway = gateway;
    running
}

/// Serves on a free port for as long as the client asks, then drains.
async fn while_serving<T>(running: &Running, client: impl AsyncFnOnce(&str) -> T) -> T {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (done, asked) = oneshot::channel::<()>();
    let mut asked = Some(asked);
    let stop = async || match asked.take() {
        Some(asked) => asked.await.unwrap(),
        None => std::future::pending().await,
    };
    let serving = server::serve(Arc::clone(&running.host), listener, PATIENCE, stop);
    let asking = async {
        let answers = client(&url).await;
        done.send(()).unwrap();
        answers
    };
    let (drained, answers) = tokio::join!(serving, asking);
    assert_eq!(drained, Drained::Clean);
    answers
}

/// Status, content type and body.
type Answer = (u16, Option<String>, String);

async fn told(request: reqwest::RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let kind = response.headers().get("content-type").map(|kind| kind.to_str().unwrap().to_owned());
    (response.status().as_u16(), kind, response.text().await.unwrap())
}

/// What an edge answers to a good update, a strange one, a broken one, a forged one and a wrong method.
async fn answers(url: &str) -> Vec<Answer> {
    let client = reqwest::Client::new();
    let post = |body: &str, secret: &str| {
        let request = client.post(format!("{url}{PATH}/any/suffix?a=b")).body(body.to_owned());
        told(request.header("X-Telegram-Bot-Api-Secret-Token", secret))
    };
    vec![
        post(&text(1, CHAT, "hello"), SECRET_TOKEN).await,
        post("{\"update_id\":2}", SECRET_TOKEN).await,
        post("{", SECRET_TOKEN).await,
        post(&text(3, CHAT, "hello"), "forged").await,
        told(client.get(format!("{url}{PATH}"))).await,
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_edge_answers_alike_by_its_export_and_by_wasi_http() {
    let telegram = FakeTelegram::start().await;
    let bundle = Bundle::demo(telegram.url());

    let running = loaded(&bundle).await;
    assert!(matches!(running.host.webhooks().unwrap().gateway, Gateway::Webhook(..)));
    let by_export = while_serving(&running, answers).await;
    // Its worker goes with it.
    telegram.calls(1).await;
    drop(running);

    let by_http = |loader: &Loader<'_>| loader.http_gateway("edge", greentic_artifacts::EDGE, Role::Edge).unwrap();
    let running = loaded_with(&bundle, by_http).await;
    assert!(matches!(running.host.webhooks().unwrap().gateway, Gateway::Http(_)));
    let by_http = while_serving(&running, answers).await;
    let calls = telegram.calls(2).await;

    let statuses: Vec<u16> = by_export.iter().map(|(status, _, _)| *status).collect();
    assert_eq!(statuses, [200, 200, 400, 403, 405]);
    assert_eq!(by_http, by_export);
    assert_eq!(said(&calls, CHAT), ["Hello! I am Greta. What shall we do?"; 2]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plain_wasi_http_program_is_served_as_it_is() {
    let telegram = FakeTelegram::start().await;
    let bundle = Bundle::demo(telegram.url());
    let hello = |loader: &Loader<'_>| loader.gateway("hello", greentic_artifacts::HELLO_HTTP, Role::Http).unwrap();
    let running = loaded_with(&bundle, hello).await;
    let client = reqwest::Client::new();
    while_serving(&running, async |url: &str| {
        let (status, _, got) = told(client.get(format!("{url}{PATH}/hi?x=1"))).await;
        assert_eq!(status, 200);
        assert!(got.contains("Get") && got.ends_with(&format!(" {PATH}/hi?x=1\n")), "{got}");
        let (status, _, posted) = told(client.post(format!("{url}{PATH}")).body("ignored")).await;
        assert_eq!(status, 200);
        assert!(posted.contains("Post") && posted.ends_with(&format!(" {PATH}\n")), "{posted}");
        // A fresh instance again: the first left nothing.
        assert_eq!(told(client.get(format!("{url}{PATH}/hi?x=1"))).await.2, got);
    })
    .await;
}
