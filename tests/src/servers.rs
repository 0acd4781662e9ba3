//! Real Redis and NATS servers, each on a free port of loopback, gone when dropped.

use crate::until;
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
fn free_port() -> u16 {
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

    /// Everything in a stream, as payloads in order.
    pub async fn stream(&self, name: &str) -> Vec<serde_json::Value> {
        use futures::StreamExt;
        let context = async_nats::jetstream::new(self.connect().await);
        let mut stream = context.get_stream(name).await.unwrap();
        let count = stream.info().await.unwrap().state.messages as usize;
        let config = async_nats::jetstream::consumer::pull::OrderedConfig::default();
        let messages = stream.create_consumer(config).await.unwrap().messages().await.unwrap();
        messages
            .take(count)
            .map(|message| serde_json::from_slice(&message.unwrap().payload).unwrap())
            .collect()
            .await
    }
}
