//! `greentic-edge serve-component` serves any `wasi:http` program: the request reaches it as it was sent, bodies stream both
//! ways, it has what the command line names and nothing else, and whatever it does ends with its request.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests stop at a broken assumption"
)]

use axum::Router;
use axum::routing::get;
use futures::TryFutureExt;
use greentic_tests::{PATIENCE, command, until};
use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A program that is being served; killed when dropped.
struct Served {
    child: Child,
    url: String,
    logged: Arc<Mutex<String>>,
    client: reqwest::Client,
    _directory: TempDir,
}

/// The probe on a free port.
fn serve(arguments: &[&str]) -> Served {
    serve_with(arguments, &[])
}

fn serve_with(arguments: &[&str], environment: &[(&str, &str)]) -> Served {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("probe.wasm");
    std::fs::write(&file, greentic_artifacts::PROBE_HTTP).unwrap();
    let mut child = command()
        .args(["serve-component", "--port", "0"])
        .args(arguments)
        .arg(&file)
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let logged = Arc::new(Mutex::new(String::new()));
    let (stderr, log) = (BufReader::new(child.stderr.take().unwrap()), Arc::clone(&logged));
    // Reads until the process ends, so that a full pipe never stops it.
    std::thread::spawn(move || {
        for line in stderr.lines().map_while(Result::ok) {
            eprintln!("{line}");
            *log.lock().unwrap() += &format!("{line}\n");
        }
    });
    let line = BufReader::new(child.stdout.take().unwrap()).lines().next();
    let line = line.unwrap_or_else(|| panic!("it ended: {}", logged.lock().unwrap())).unwrap();
    let url = line.strip_prefix("listening on ").expect("the address").to_owned();
    let client = reqwest::Client::builder().timeout(PATIENCE).build().unwrap();
    Served { child, url, logged, client, _directory: directory }
}

impl Served {
    /// Status and body.
    async fn get(&self, target: &str) -> (u16, String) {
        let response = self.client.get(format!("{}{target}", self.url)).send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.url.trim_start_matches("http://")).await.unwrap()
    }

    /// Sends these bytes and reads until the server closes.
    async fn raw(&self, request: &[u8]) -> Vec<u8> {
        let mut stream = self.connect().await;
        stream.write_all(request).await.unwrap();
        let mut answer = Vec::new();
        tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await.unwrap().unwrap();
        answer
    }

    /// Waits until it has said this.
    async fn says(&self, words: &str) {
        until(words, || async { self.logged.lock().unwrap().contains(words).then_some(()) }).await;
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn has(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}

#[tokio::test]
async fn the_request_reaches_the_program_as_it_was_sent() {
    let served = serve(&[]);
    let mut request =
        b"PROPFIND /shape?x=%20&y=/a&x HTTP/1.1\r\nHost: example.test:81\r\nX-Probe: a\xff\xfe b\r\n".to_vec();
    request.extend(b"X-Probe: second\r\nX-Empty:\r\nConnection: close\r\n\r\n");
    let answer = served.raw(&request).await;
    let shown = String::from_utf8_lossy(&answer);
    for wanted in [
        b"PROPFIND".as_slice(),
        b"target /shape?x=%20&y=/a&x\n",
        b"authority example.test:81\n",
        b"x-probe: a\xff\xfe b\nx-probe: second\n",
        b"x-empty: \n",
        // The same two as headers of the answer.
        b"x-probe: a\xff\xfe b\r\nx-probe: second\r\n",
    ] {
        assert!(has(&answer, wanted), "{}: {shown}", String::from_utf8_lossy(wanted));
    }
    // What belongs to this connection alone is the server's.
    assert!(!has(&answer, b"connection: close\n"), "{shown}");

    let head = served.client.head(format!("{}/shape", served.url)).send().await.unwrap();
    assert!(head.status() == 200 && head.headers().contains_key("x-request-id"));
    assert!(head.bytes().await.unwrap().is_empty());

    let nameless = served.raw(b"GET /shape HTTP/1.1\r\nConnection: close\r\n\r\n").await;
    assert!(nameless.starts_with(b"HTTP/1.1 400 "), "{}", String::from_utf8_lossy(&nameless));
    // Every path is the program's.
    assert_eq!(served.get("/health").await, (404, "no probe /health".into()));
}

const FIRST: usize = 64 * 1024;
const WHOLE: usize = 1 << 20;

fn pattern() -> Vec<u8> {
    (0..WHOLE).map(|at| (at * 31 % 251) as u8).collect()
}

/// An exchange half-way: the first piece is sent and came back.
async fn half_an_echo(served: &Served, body: &[u8]) -> TcpStream {
    let mut stream = served.connect().await;
    let head = format!("POST /echo HTTP/1.1\r\nHost: t\r\nConnection: close\r\nContent-Length: {WHOLE}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&body[..FIRST]).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        answer.push(stream.read_u8().await.unwrap());
    }
    assert!(answer.starts_with(b"HTTP/1.1 200 "), "{}", String::from_utf8_lossy(&answer));
    let mut back = vec![0; FIRST];
    stream.read_exact(&mut back).await.unwrap();
    assert!(back == body[..FIRST]);
    stream
}

async fn rest_of_the_echo(mut stream: TcpStream, body: &[u8]) {
    let (mut reader, mut writer) = stream.split();
    let mut back = Vec::new();
    let (written, read) = tokio::join!(writer.write_all(&body[FIRST..]), reader.read_to_end(&mut back));
    written.unwrap();
    read.unwrap();
    assert!(back == body[FIRST..], "{} bytes came back", back.len());
}

#[tokio::test]
async fn bodies_stream_both_ways() {
    let served = serve(&[]);
    let body = pattern();
    let echo = async { rest_of_the_echo(half_an_echo(&served, &body).await, &body).await };
    tokio::time::timeout(PATIENCE, echo).await.unwrap();

    let chunked = b"POST /length HTTP/1.1\r\nHost: t\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n";
    let few = [chunked.as_slice(), b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"].concat();
    let answer = served.raw(&few).await;
    assert!(
        answer.starts_with(b"HTTP/1.1 200 ") && has(&answer, b"\r\n11\r\n"),
        "{}",
        String::from_utf8_lossy(&answer)
    );
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_or_ends_for_the_program() {
    let served = serve_with(&[], &[("GREENTIC_SERVER__MAX_BODY_BYTES", "10")]);
    let announced = served.client.post(format!("{}/length", served.url)).body("hello world").send().await.unwrap();
    assert_eq!(announced.status(), 413);
    let chunked = b"POST /length HTTP/1.1\r\nHost: t\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n\
                    5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n";
    let answer = served.raw(chunked).await;
    assert!(answer.starts_with(b"HTTP/1.1 404 ") && has(&answer, b"broke off"), "{}", String::from_utf8_lossy(&answer));
    let fitting = served.client.post(format!("{}/length", served.url)).body("hello worl").send().await.unwrap();
    assert_eq!(fitting.text().await.unwrap(), "10");
}

#[tokio::test]
async fn environment_and_variables_are_what_was_given_and_nothing_else() {
    let arguments = ["--env", "GIVEN=a=b", "--env", "PASSED_ON", "--variable", "a_name=hunter2"];
    let served = serve_with(&arguments, &[("PASSED_ON", "from outside"), ("NOT_PASSED_ON", "kept")]);
    assert_eq!(served.get("/env?GIVEN").await, (200, "a=b".into()));
    assert_eq!(served.get("/env?PASSED_ON").await, (200, "from outside".into()));
    for name in ["NOT_PASSED_ON", "PATH"] {
        assert_eq!(served.get(&format!("/env?{name}")).await.0, 404, "{name}");
    }
    assert_eq!(served.get("/variable?a_name").await, (200, "hunter2".into()));
    let (status, reason) = served.get("/variable?other").await;
    assert!(status == 404 && reason.contains("Undefined"), "{reason}");
    let (status, reason) = served.get("/variable?No-Name").await;
    assert!(status == 404 && reason.contains("InvalidName"), "{reason}");
    served.says("--variable other=VALUE").await;

    assert_eq!(served.get("/say?these-words").await.0, 200);
    served.says("these-words").await;
    let logged = served.logged.lock().unwrap().clone();
    assert!(!logged.contains("hunter2") && !logged.contains("from outside"), "{logged}");
}

/// A server of our own network; gives its port.
async fn inside() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let router = Router::new().route("/x", get(|| async { "from inside" }));
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    port
}

#[tokio::test]
async fn outgoing_http_goes_where_it_is_allowed() {
    let (open, closed) = (inside().await, inside().await);
    let served = serve(&["--allow-http", &format!("http://127.0.0.1:{open}"), "--allow-http", "http://*.localhost:*"]);
    assert_eq!(served.get(&format!("/fetch?http://127.0.0.1:{open}/x")).await, (200, "200 from inside".into()));
    for refused in [
        format!("http://127.0.0.1:{closed}/x"),
        format!("http://localhost:{open}/x"),
        format!("https://127.0.0.1:{open}/x"),
        // Allowed by a wildcard, but it leads inside.
        format!("http://a.localhost:{open}/x"),
    ] {
        let (status, reason) = served.get(&format!("/fetch?{refused}")).await;
        // The last may not resolve at all, which is as good.
        assert!(status == 404 && !reason.contains("from inside"), "{refused}: {reason}");
    }
    served.says(&format!("--allow-http http://127.0.0.1:{closed}")).await;
}

/// A server that says `pong` once it was greeted.
async fn pong() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut greeting = [0; 5];
            stream.read_exact(&mut greeting).await.unwrap();
            stream.write_all(b"pong").await.unwrap();
        }
    });
    port
}

#[tokio::test]
async fn tcp_goes_where_it_is_allowed_and_udp_nowhere() {
    let (open, closed) = (pong().await, pong().await);
    let served = serve(&["--allow-tcp", &format!("127.0.0.1:{open}")]);
    assert_eq!(served.get(&format!("/tcp?127.0.0.1:{open}")).await, (200, "pong".into()));
    assert_eq!(served.get(&format!("/tcp?127.0.0.1:{closed}")).await.0, 404);
    // No name is allowed, so none is looked up.
    assert_eq!(served.get(&format!("/tcp?localhost:{open}")).await.0, 404);
    assert_eq!(served.get(&format!("/udp?127.0.0.1:{open}")).await.0, 404);
    served.says(&format!("--allow-tcp 127.0.0.1:{closed}")).await;

    let by_name = serve(&["--allow-tcp", &format!("localhost:{open}")]);
    assert_eq!(by_name.get(&format!("/tcp?localhost:{open}")).await, (200, "pong".into()));
    assert_eq!(by_name.get(&format!("/tcp?localhost:{closed}")).await.0, 404);
}

#[tokio::test]
async fn whatever_a_program_does_ends_with_its_request() {
    let served = serve_with(&[], &[("GREENTIC_WASM__MAX_EXECUTION_TIME_MS", "1000")]);
    for (target, status) in [("/trap", 500), ("/loop", 504), ("/silent", 502)] {
        let response = served.client.get(format!("{}{target}", served.url)).send().await.unwrap();
        assert_eq!(response.status(), status, "{target}");
        assert_eq!(response.headers()["content-type"], "application/problem+json", "{target}");
        assert_eq!(served.get("/count").await, (200, "1".into()), "after {target}");
    }
    // A body that its guest did not end must not look whole, whether or not its head was sent before.
    let half = served.client.get(format!("{}/half", served.url)).send();
    assert!(half.and_then(reqwest::Response::bytes).await.is_err());
    for _ in 0..50 {
        assert_eq!(served.get("/count").await, (200, "1".into()));
    }
}

#[tokio::test]
async fn what_is_under_way_finishes_before_it_ends() {
    let mut served = serve(&[]);
    let body = pattern();
    let stream = half_an_echo(&served, &body).await;
    let pid = rustix::process::Pid::from_child(&served.child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    let address = served.url.trim_start_matches("http://").to_owned();
    until("the port to close", || async { TcpStream::connect(&address).await.is_err().then_some(()) }).await;
    tokio::time::timeout(PATIENCE, rest_of_the_echo(stream, &body)).await.unwrap();
    let child = &mut served.child;
    let status = until("it to end", || {
        let status = child.try_wait().unwrap();
        async move { status }
    })
    .await;
    assert!(status.success(), "{status}");
}

#[test]
fn what_can_not_be_served_is_refused_with_its_name() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("probe.wasm"), greentic_artifacts::PROBE_HTTP).unwrap();
    std::fs::write(directory.path().join("edge.wasm"), greentic_artifacts::EDGE).unwrap();
    std::fs::write(directory.path().join("text.wasm"), "no component").unwrap();
    let refused = |arguments: &[&str], named: &str| {
        let mut command = command();
        command.args(["serve-component", "--port", "0"]).args(arguments).current_dir(directory.path());
        let refused = command.output().unwrap();
        let error = String::from_utf8_lossy(&refused.stderr);
        assert_eq!(refused.status.code(), Some(2), "{arguments:?}: {error}");
        assert!(error.contains(named), "{arguments:?}: {error}");
    };
    refused(&["missing.wasm"], "missing.wasm");
    refused(&["text.wasm"], "text.wasm");
    // It needs a host that knows greentic.
    refused(&["edge.wasm"], "greentic:edge");
    refused(&["probe.wasm", "--env", "SET_NOWHERE"], "SET_NOWHERE");
    refused(&["probe.wasm", "--variable", "No=x"], "variable `No`");
    refused(&["probe.wasm", "--allow-http", "example.test"], "example.test");
    refused(&["probe.wasm", "--allow-tcp", "127.0.0.1"], "127.0.0.1");
    refused(&["probe.wasm", "--parts", "65"], "--parts");
}
