//! Real Redis and NATS servers, each on a free port of loopback, gone when dropped.

use crate::until;
use async_nats::HeaderMap;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// Path of a server program, or a loud skip.
pub fn program(name: &str) -> Option<PathBuf> {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&paths)
        .chain(["/usr/sbin".into(), "/usr/local/sbin".into()])
        .map(|folder| folder.join(name))
        .find(|path| path.is_file());
    if found.is_none() {
        let remedy = format!("{name} not found (sudo apt-get install {name})");
        assert!(std::env::var_os("GREENTIC_REQUIRE_SERVERS").is_none(), "{remedy}");
        eprintln!("SKIPPED: {remedy}");
    }
    found
}

/// A port that was free a moment ago. Servers that can't choose one themselves need it.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

async fn listening(address: SocketAddr) {
    until("a server to listen", || async move { tokio::net::TcpStream::connect(address).await.ok() }).await;
}

struct Server {
    child: Option<Child>,
    command: Vec<String>,
    address: SocketAddr,
    _directory: TempDir,
}

impl Server {
    async fn start(program: PathBuf, arguments: impl FnOnce(u16, &str) -> Vec<String>) -> Server {
        let directory = tempfile::tempdir().unwrap();
        let port = free_port();
        let mut command = vec![program.display().to_string()];
        command.extend(arguments(port, &directory.path().display().to_string()));
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let mut server = Server { child: None, command, address, _directory: directory };
        server.run().await;
        server
    }

    async fn run(&mut self) {
        let child = Command::new(&self.command[0])
            .args(&self.command[1..])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        self.child = Some(child);
        listening(self.address).await;
    }

    fn signal(&self, signal: Signal) {
        let child = self.child.as_ref().expect("the server runs");
        kill_process(Pid::from_child(child), signal).unwrap();
    }

    fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A Redis without persistence.
pub struct Redis(Server);

impl Redis {
    /// `None` when it isn't installed.
    pub async fn start() -> Option<Redis> {
        let program = program("redis-server")?;
        let arguments = |port: u16, directory: &str| {
            ["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", directory]
                .map(str::to_owned)
                .to_vec()
        };
        Some(Redis(Server::start(program, arguments).await))
    }

    pub fn url(&self) -> String {
        format!("redis://{}", self.0.address)
    }

    /// The lines of greentic.toml that name it.
    pub fn config(&self) -> String {
        format!("[redis]\nurl = \"{}\"\n", self.url())
    }

    /// SIGSTOP: connections stay open and nothing answers.
    pub fn pause(&self) {
        self.0.signal(Signal::STOP);
    }

    pub fn resume(&self) {
        self.0.signal(Signal::CONT);
    }

    pub fn stop(&mut self) {
        self.0.stop();
    }

    pub async fn restart(&mut self) {
        self.0.stop();
        self.0.run().await;
    }

    pub async fn connect(&self) -> redis::aio::MultiplexedConnection {
        redis::Client::open(self.url()).unwrap().get_multiplexed_async_connection().await.unwrap()
    }
}

/// A NATS with JetStream on files, so that a restart keeps its streams.
pub struct Nats(Server);

impl Nats {
    /// `None` when it isn't installed.
    pub async fn start() -> Option<Nats> {
        let program = program("nats-server")?;
        let arguments = |port: u16, directory: &str| {
            ["--addr", "127.0.0.1", "--port", &port.to_string(), "--jetstream", "--store_dir", directory]
                .map(str::to_owned)
                .to_vec()
        };
        Some(Nats(Server::start(program, arguments).await))
    }

    pub fn url(&self) -> String {
        format!("nats://{}", self.0.address)
    }

    /// The lines of greentic.toml that name it.
    pub fn config(&self) -> String {
        format!("[nats]\nurl = \"{}\"\n", self.url())
    }

    pub fn stop(&mut self) {
        self.0.stop();
    }

    pub async fn restart(&mut self) {
        self.0.stop();
        self.0.run().await;
    }

    pub async fn connect(&self) -> async_nats::Client {
        async_nats::connect(self.url()).await.unwrap()
    }

    /// Waits until consumers have said of so many messages that they are still at work on them; gives the subjects on
    /// which they say so, in the stream's order.
    pub async fn signs_of_life(&self, count: usize) -> Vec<String> {
        use futures::StreamExt;
        let mut told = self.connect().await.subscribe("$JS.ACK.>").await.unwrap();
        let mut seen = std::collections::BTreeMap::new();
        let waiting = async {
            while seen.len() < count {
                let message = told.next().await.unwrap();
                if message.payload.starts_with(b"+WPI") {
                    // `$JS.ACK.<stream>.<consumer>.<deliveries>.<place in the stream>.…`
                    let place: u64 = message.subject.split('.').nth(5).unwrap().parse().unwrap();
                    seen.insert(place, message.subject.to_string());
                }
            }
        };
        let waited = tokio::time::timeout(crate::PATIENCE, waiting).await;
        assert!(waited.is_ok(), "only {seen:?} of {count} signs of life");
        seen.into_values().collect()
    }

    /// Everything in a stream, as payloads in order. Waits for the stream.
    pub async fn stream(&self, name: &str) -> Vec<Value> {
        self.stream_of(name, 0).await
    }

    /// The same, once there is at least so much in it.
    pub async fn stream_of(&self, name: &str, at_least: u64) -> Vec<Value> {
        self.messages(name, at_least).await.into_iter().map(|stored| stored.payload).collect()
    }

    /// The same with subjects and headers.
    pub async fn messages(&self, name: &str, at_least: u64) -> Vec<Stored> {
        use futures::StreamExt;
        let context = async_nats::jetstream::new(self.connect().await);
        let stream = until(&format!("{at_least} messages in {name}"), || {
            let context = context.clone();
            async move {
                let stream = context.get_stream(name).await.ok()?;
                (stream.cached_info().state.messages >= at_least).then_some(stream)
            }
        })
        .await;
        let count = stream.cached_info().state.messages as usize;
        let config = async_nats::jetstream::consumer::pull::OrderedConfig::default();
        let messages = stream.create_consumer(config).await.unwrap().messages().await.unwrap();
        messages.take(count).map(|message| Stored::from(&message.unwrap())).collect().await
    }
}

/// One message of a stream.
#[derive(Debug)]
pub struct Stored {
    pub subject: String,
    pub headers: HeaderMap,
    pub payload: Value,
    /// The payload as it stands there.
    pub bytes: Vec<u8>,
}

impl From<&async_nats::jetstream::Message> for Stored {
    fn from(message: &async_nats::jetstream::Message) -> Stored {
        Stored {
            subject: message.subject.to_string(),
            headers: message.headers.clone().unwrap_or_default(),
            payload: serde_json::from_slice(&message.payload).unwrap(),
            bytes: message.payload.to_vec(),
        }
    }
}

/// What envelopes say in a conversation, in order. An acknowledgement says nothing.
pub fn spoken(envelopes: &[Value], conversation: i64) -> Vec<&str> {
    let conversation = conversation.to_string();
    envelopes
        .iter()
        .filter(|envelope| envelope["conversation"] == conversation)
        .map(|envelope| envelope["content"]["reply"]["text"].as_str().unwrap_or_default())
        .collect()
}
