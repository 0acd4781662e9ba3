//! What is wrong with a request is refused with the right status, before it costs anything, and without a word about
//! the inside.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests stop at a broken assumption"
)]

use greentic_tests::{BOT_TOKEN, Bundle, FakeTelegram, Host, Redis, SECRET_TOKEN, said, text};
use reqwest::{RequestBuilder, Response};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const CHAT: i64 = 5;
const WELCOME: &str = "Hello! I am Greta. What shall we do?";
const SECRET_HEADER: &str = "X-Telegram-Bot-Api-Secret-Token";

/// Checks an error's form and gives its body with the request's id taken out.
async fn problem(response: Response, status: u16) -> String {
    assert_eq!(response.status(), status);
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    let id = response.headers()["x-request-id"].to_str().unwrap().to_owned();
    let body = response.text().await.unwrap();
    let problem: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(problem["status"], status);
    for (member, value) in problem.as_object().unwrap() {
        assert!(["type", "title", "status", "instance"].contains(&member.as_str()), "{body}");
        assert!(value.to_string().len() < 60, "{body}");
    }
    // A slash would be a path's.
    for inside in [SECRET_TOKEN, BOT_TOKEN, "/", "wasm", "panic", "backtrace", "redis"] {
        assert!(!body.to_lowercase().contains(&inside.to_lowercase()), "{inside} in {body}");
    }
    body.replace(&id, "ID")
}

/// A webhook without the secret.
fn bare(host: &Host, update: &str) -> RequestBuilder {
    host.client().post(host.webhook_url()).header("Content-Type", "application/json").body(update.to_owned())
}

async fn connect(host: &Host) -> TcpStream {
    TcpStream::connect(host.url().trim_start_matches("http://")).await.unwrap()
}

/// The status of what the server answers, or `None` when it hangs up without a word.
async fn status(stream: &mut TcpStream) -> Option<u16> {
    let mut line = Vec::new();
    while !line.ends_with(b"\r\n") {
        line.push(stream.read_u8().await.ok()?);
    }
    String::from_utf8(line).unwrap().split(' ').nth(1).unwrap().parse().ok()
}

/// Host with the in-process store and bus.
async fn small_host(config: &str) -> (Host, FakeTelegram, Bundle) {
    let telegram = FakeTelegram::start().await;
    let bundle = Bundle::demo(telegram.url());
    let host = Host::start(&bundle, &bundle.config(config));
    (host, telegram, bundle)
}

#[tokio::test]
async fn without_the_right_secret_nothing_is_stored() {
    let Some(redis) = Redis::start().await else { return };
    let (host, telegram, _bundle) = small_host(&redis.config()).await;
    let mut connection = redis.connect().await;
    let size = redis::cmd("DBSIZE");
    let update = text(1, CHAT, "hello");

    let lower = SECRET_TOKEN.to_lowercase();
    for presented in [vec![], vec!["wrong"], vec![lower.as_str()], vec![&SECRET_TOKEN[1..]], vec![SECRET_TOKEN; 2]] {
        let request =
            presented.iter().fold(bare(&host, &update), |request, secret| request.header(SECRET_HEADER, *secret));
        problem(request.send().await.unwrap(), 403).await;
    }
    assert_eq!(size.query_async::<u64>(&mut connection).await.unwrap(), 0);

    // Not even as seen: the genuine delivery of the same update is still new.
    assert_eq!(host.post(&update).await, 200);
    assert!(size.query_async::<u64>(&mut connection).await.unwrap() > 0);
    assert_eq!(said(&telegram.calls(1).await, CHAT), [WELCOME]);
}

#[tokio::test]
async fn what_is_no_update_is_400_and_what_is_of_no_interest_does_nothing() {
    let (host, telegram, _bundle) = small_host("").await;
    for body in [&b""[..], b"{", b"[1]", b"null", b"{}", b"\xff", b"{\"update_id\":\"7\"}", b"{\"update_id\":1} {}"] {
        let request = bare(&host, "").header(SECRET_HEADER, SECRET_TOKEN).body(body.to_vec());
        problem(request.send().await.unwrap(), 400).await;
    }
    let from_a_bot = text(4, CHAT, "hello").replace("\"is_bot\":false", "\"is_bot\":true");
    let deep = format!("{{\"update_id\":5,\"later_kind\":{}{}}}", "[".repeat(10_000), "]".repeat(10_000));
    for update in
        ["{\"update_id\":2}", "{\"update_id\":3,\"later_kind\":{\"chat\":{\"id\":5}}}", from_a_bot.as_str(), &deep]
    {
        assert_eq!(host.post(update).await, 200);
    }
    assert_eq!(host.post(&text(6, CHAT, "hello")).await, 200);
    let calls = telegram.calls(1).await;
    assert_eq!((said(&calls, CHAT), calls.len()), (vec![WELCOME], 1));
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_before_it_is_read_whole() {
    let limit = 64 * 1024;
    let (host, _telegram, _bundle) = small_host(&format!("[server]\nmax_body_bytes = {limit}\n")).await;
    let head = "POST /webhook/telegram/demo/default HTTP/1.1\r\nhost: test\r\n";

    // Announced: refused at the head, with none of the body sent.
    let mut announced = connect(&host).await;
    announced.write_all(format!("{head}content-length: {}\r\n\r\n", limit + 1).as_bytes()).await.unwrap();
    assert_eq!(status(&mut announced).await, Some(413));

    // Not announced: refused at the first byte too many, with the end of the body never sent.
    let mut chunked = connect(&host).await;
    chunked.write_all(format!("{head}transfer-encoding: chunked\r\n\r\n").as_bytes()).await.unwrap();
    let chunk = format!("2000\r\n{}\r\n", "x".repeat(0x2000));
    for _ in 0..limit / 0x2000 {
        chunked.write_all(chunk.as_bytes()).await.unwrap();
    }
    chunked.write_all(b"1\r\nx\r\n").await.unwrap();
    assert_eq!(status(&mut chunked).await, Some(413));

    // At the limit it is read, and is no JSON.
    let request = bare(&host, &"x".repeat(limit)).header(SECRET_HEADER, SECRET_TOKEN);
    problem(request.send().await.unwrap(), 400).await;
}

#[tokio::test]
async fn an_unknown_name_is_404_and_names_can_not_be_probed() {
    let (host, _telegram, _bundle) = small_host("").await;
    let mut answers = Vec::new();
    for path in [
        "/webhook/telegram/nobody/default",
        "/webhook/telegram/demo/nobody",
        "/webhook/slack/demo/default",
        "/webhook/telegram/demo",
        "/webhook/telegram/demo/default2/x",
        "/webhook/telegram/demo//default",
        "/nowhere",
        "/",
    ] {
        let request = host.client().post(format!("{}{path}", host.url())).header(SECRET_HEADER, SECRET_TOKEN);
        let response = request.body(text(1, CHAT, "hello")).send().await.unwrap();
        let headers: Vec<String> = response.headers().keys().map(ToString::to_string).collect();
        answers.push((headers, problem(response, 404).await));
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:#?}");
}

#[tokio::test]
async fn other_methods_are_405_and_oversized_heads_are_refused() {
    let (host, _telegram, _bundle) = small_host("").await;
    let response = host.client().get(host.webhook_url()).send().await.unwrap();
    assert_eq!(response.headers()["allow"], "POST");
    problem(response, 405).await;

    let head = "POST /webhook/telegram/demo/default HTTP/1.1\r\nhost: test\r\n";
    let mut many = connect(&host).await;
    let headers: String = (0..70).map(|number| format!("x-{number}: 1\r\n")).collect();
    many.write_all(format!("{head}{headers}\r\n").as_bytes()).await.unwrap();
    assert_eq!(status(&mut many).await, Some(431));

    // The server hangs up on what it won't read, which may take the answer with it.
    let mut large = connect(&host).await;
    let sent = large.write_all(format!("{head}x-large: {}\r\n\r\n", "x".repeat(64 * 1024)).as_bytes()).await;
    let answered = status(&mut large).await;
    assert!(matches!(answered, None | Some(431)), "{sent:?} {answered:?}");
    assert_eq!(host.post(&text(1, CHAT, "hello")).await, 200);
}

#[tokio::test]
async fn health_says_alive_and_ready_names_what_is_missing() {
    let Some(mut redis) = Redis::start().await else { return };
    let (host, _telegram, _bundle) = small_host(&redis.config()).await;
    let get = async |path: &str| {
        let response = host.client().get(format!("{}{path}", host.url())).send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    };
    let ready = r#"{"ready":true,"packs":"up","session_store":"up","bus":"up","pool":{"instances":0,"memories":0,"tables":0,"stacks":0}}"#;
    assert_eq!(get("/ready").await, (200, ready.to_owned()));
    redis.stop();
    let unready = r#"{"ready":false,"packs":"up","session_store":"down","bus":"up","pool":{"instances":0,"memories":0,"tables":0,"stacks":0}}"#;
    assert_eq!(get("/ready").await, (503, unready.to_owned()));
    assert_eq!(get("/health").await, (200, "ok\n".to_owned()));
    redis.restart().await;
    host.ready().await;
}
