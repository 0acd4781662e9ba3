//! Real Redis and NATS servers, each on a free port of loopback, gone when dropped.

use crate::certificates::Certificate;
use crate::until;
use async_nats::{ConnectOptions, HeaderMap};
use greentic_host::bus::nats::Credentials;
use nkeys::KeyPair;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;
use url::Url;

/// Path of a server program, or a loud skip.
pub fn program(name: &str) -> Option<PathBuf> {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&paths)
        .chain(["/usr/sbin".into(), "/usr/local/sbin".into()])
        .map(|folder| folder.join(name))
        .find(|path| path.is_file());
    if found.is_none() {
        skip(&format!("{name} not found (sudo apt-get install {name})"));
    }
    found
}

/// Says why a test is not run; fails where every server has to be there.
fn skip(remedy: &str) {
    assert!(std::env::var_os("GREENTIC_REQUIRE_SERVERS").is_none(), "{remedy}");
    eprintln!("SKIPPED: {remedy}");
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
pub struct Redis {
    server: Server,
    password: Option<String>,
    tls_port: Option<u16>,
}

impl Redis {
    /// `None` when it isn't installed.
    pub async fn start() -> Option<Redis> {
        Redis::guarded(None, None).await
    }

    /// One that asks for a password, that has a port for TLS beside the plain one by which tests look at it, or both.
    /// `None` also when it was built without TLS.
    pub async fn guarded(certificate: Option<&Certificate>, password: Option<&str>) -> Option<Redis> {
        let program = program("redis-server")?;
        if certificate.is_some() && !speaks_tls(&program) {
            skip("redis-server was built without TLS (use one that knows --tls-port)");
            return None;
        }
        let tls_port = certificate.map(|_| free_port());
        let arguments = |port: u16, directory: &str| {
            let port = port.to_string();
            let plain =
                ["--port", &port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", directory];
            let mut arguments = plain.map(str::to_owned).to_vec();
            let mut option = |name: &str, value: String| arguments.extend([format!("--{name}"), value]);
            if let (Some(certificate), Some(port)) = (certificate, tls_port) {
                option("tls-port", port.to_string());
                option("tls-cert-file", certificate.file().display().to_string());
                option("tls-key-file", certificate.key_file().display().to_string());
                option("tls-ca-cert-file", certificate.authority_file().display().to_string());
                option("tls-auth-clients", "no".to_owned());
            }
            if let Some(password) = password {
                option("requirepass", password.to_owned());
            }
            arguments
        };
        let server = Server::start(program, arguments).await;
        if let Some(port) = tls_port {
            listening(SocketAddr::from(([127, 0, 0, 1], port))).await;
        }
        Some(Redis { server, password: password.map(str::to_owned), tls_port })
    }

    /// Without a password.
    pub fn url(&self) -> String {
        format!("redis://{}", self.server.address)
    }

    /// Of the port for TLS.
    pub fn tls_port(&self) -> u16 {
        self.tls_port.expect("a Redis with a certificate")
    }

    /// The lines of greentic.toml that name it.
    pub fn config(&self) -> String {
        format!("[redis]\nurl = \"{}\"\n", self.url())
    }

    /// SIGSTOP: connections stay open and nothing answers.
    pub fn pause(&self) {
        self.server.signal(Signal::STOP);
    }

    pub fn resume(&self) {
        self.server.signal(Signal::CONT);
    }

    pub fn stop(&mut self) {
        self.server.stop();
    }

    pub async fn restart(&mut self) {
        self.server.stop();
        self.server.run().await;
    }

    pub async fn connect(&self) -> redis::aio::MultiplexedConnection {
        let mut url = Url::parse(&self.url()).unwrap();
        url.set_password(self.password.as_deref()).unwrap();
        redis::Client::open(url.as_str()).unwrap().get_multiplexed_async_connection().await.unwrap()
    }
}

/// Asked of a server that is told to listen nowhere: it ends, and says so or that it does not know the option.
fn speaks_tls(redis: &Path) -> bool {
    let told = Command::new(redis).args(["--port", "0", "--tls-port", "0"]).output().unwrap();
    !String::from_utf8_lossy(&told.stderr).contains("FATAL CONFIG FILE ERROR")
}

/// A NATS with JetStream on files, so that a restart keeps its streams.
pub struct Nats {
    server: Server,
    scheme: &'static str,
    /// How it is reached.
    client: ConnectOptions,
}

impl Nats {
    /// `None` when it isn't installed.
    pub async fn start() -> Option<Nats> {
        Nats::guarded(None, &Credentials::None).await
    }

    /// One that speaks nothing but TLS, that asks for credentials, or both.
    pub async fn guarded(certificate: Option<&Certificate>, credentials: &Credentials) -> Option<Nats> {
        let program = program("nats-server")?;
        let (mut config, client) = admitting(credentials);
        let (scheme, client) = match certificate {
            Some(certificate) => {
                let (file, key) = (certificate.file(), certificate.key_file());
                config += &format!("tls {{cert_file: {file:?}, key_file: {key:?}}}\n");
                ("tls", client.require_tls(true).add_root_certificates(certificate.authority_file()))
            }
            None => ("nats", client),
        };
        let arguments = |port: u16, directory: &str| {
            let port = port.to_string();
            let plain = ["--addr", "127.0.0.1", "--port", &port, "--jetstream", "--store_dir", directory];
            let mut arguments = plain.map(str::to_owned).to_vec();
            // An empty file is none for newer servers.
            if !config.is_empty() {
                let file = format!("{directory}/nats.conf");
                std::fs::write(&file, &config).unwrap();
                arguments.extend(["--config".to_owned(), file]);
            }
            arguments
        };
        Some(Nats { server: Server::start(program, arguments).await, scheme, client })
    }

    pub fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.server.address)
    }

    pub fn port(&self) -> u16 {
        self.server.address.port()
    }

    /// Makes a stream, for hosts that don't make theirs.
    pub async fn make_stream(&self, name: &str, subjects: &str) {
        let config = async_nats::jetstream::stream::Config {
            name: name.to_owned(),
            subjects: vec![subjects.to_owned()],
            ..Default::default()
        };
        async_nats::jetstream::new(self.connect().await).create_stream(config).await.unwrap();
    }

    /// The lines of greentic.toml that name it.
    pub fn config(&self) -> String {
        format!("[nats]\nurl = \"{}\"\n", self.url())
    }

    pub fn stop(&mut self) {
        self.server.stop();
    }

    pub async fn restart(&mut self) {
        self.server.stop();
        self.server.run().await;
    }

    pub async fn connect(&self) -> async_nats::Client {
        self.client.clone().connect(self.url()).await.unwrap()
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

/// The lines of a NATS configuration that let in whoever shows these, and a client that does.
fn admitting(credentials: &Credentials) -> (String, ConnectOptions) {
    let client = ConnectOptions::new();
    match credentials {
        Credentials::None => (String::new(), client),
        Credentials::UserPassword(user, password) => {
            let password = password.expose_text().to_owned();
            let lines = format!("authorization {{user: {user:?}, password: {password:?}}}\n");
            (lines, client.user_and_password(user.clone(), password))
        }
        Credentials::Token(token) => {
            let token = token.expose_text().to_owned();
            (format!("authorization {{token: {token:?}}}\n"), client.token(token))
        }
        Credentials::NkeySeed(seed) => {
            let seed = seed.expose_text().to_owned();
            let key = KeyPair::from_seed(&seed).unwrap().public_key();
            (format!("authorization {{users: [{{nkey: {key:?}}}]}}\n"), client.nkey(seed))
        }
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
