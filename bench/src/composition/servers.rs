//! Real Redis and NATS for one measurement, on free ports of loopback, stopped when dropped. Each measurement has its own:
//! none finds another's keys, stream or connections that are still closing.

use super::forms::{Addresses, PATIENCE};
use anyhow::Context;
use greentic_host::bus::nats::{Credentials, NatsInlet};
use greentic_host::config::environment;
use greentic_types::subject;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Where the server programs are.
pub struct Programs {
    redis: PathBuf,
    nats: PathBuf,
}

impl Programs {
    /// `None`, loudly, when one is missing.
    pub fn find() -> Option<Programs> {
        // Both are looked for, so that both are named.
        let (redis, nats) = (program("redis-server"), program("nats-server"));
        Some(Programs { redis: redis?, nats: nats? })
    }

    pub async fn start(&self) -> anyhow::Result<Servers> {
        let redis = Server::start(&self.redis, |port, directory| {
            ["--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", directory]
                .map(str::to_owned)
                .to_vec()
        });
        let nats = Server::start(&self.nats, |port, directory| {
            ["--addr", "127.0.0.1", "--port", port, "--jetstream", "--store_dir", directory].map(str::to_owned).to_vec()
        });
        let (redis, nats) = (redis.await?, nats.await?);
        let addresses = Addresses { redis: redis.address.to_string(), nats: nats.address.to_string() };
        let inlet = NatsInlet::connect(&[addresses.nats_url()], &Credentials::None, PATIENCE, true).await?;
        // Our host makes the streams, a composed component relies on them: here they are there for both.
        let end = Instant::now() + PATIENCE;
        while let Err(error) = inlet.ensure_streams().await {
            anyhow::ensure!(Instant::now() < end, "nats-server: {error}");
            tokio::time::sleep(PAUSE).await;
        }
        Ok(Servers { addresses, inlet, _redis: redis, _nats: nats })
    }
}

/// Between two looks at a server that is starting.
const PAUSE: Duration = Duration::from_millis(20);

fn program(name: &str) -> Option<PathBuf> {
    let paths = environment("PATH").unwrap_or_default();
    let found = std::env::split_paths(&paths)
        .chain(["/usr/sbin".into(), "/usr/local/sbin".into()])
        .map(|folder| folder.join(name))
        .find(|path| path.is_file());
    if found.is_none() {
        eprintln!("SKIPPED: {name} not found (sudo apt-get install {name}); what needs it is not measured");
    }
    found
}

/// One Redis and one NATS with the product's streams.
pub struct Servers {
    pub addresses: Addresses,
    /// The bus's way in, for checking what was published.
    pub inlet: NatsInlet,
    _redis: Server,
    _nats: Server,
}

impl Servers {
    /// Replies that the stream holds. It keeps what was consumed, too.
    pub async fn published(&self) -> anyhow::Result<u64> {
        let client = async_nats::connect(self.addresses.nats_url()).await?;
        let stream = async_nats::jetstream::new(client).get_stream(subject::EGRESS_STREAM).await?;
        Ok(stream.cached_info().state.messages)
    }
}

struct Server {
    child: Child,
    address: SocketAddr,
    _directory: TempDir,
}

impl Server {
    async fn start(program: &Path, arguments: impl FnOnce(&str, &str) -> Vec<String>) -> anyhow::Result<Server> {
        let directory = tempfile::tempdir()?;
        // Free a moment ago: neither server can choose one and say so.
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let arguments = arguments(&address.port().to_string(), &directory.path().display().to_string());
        let child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| program.display().to_string())?;
        let mut server = Server { child, address, _directory: directory };
        let end = Instant::now() + PATIENCE;
        while tokio::net::TcpStream::connect(address).await.is_err() {
            let ended = server.child.try_wait()?;
            anyhow::ensure!(ended.is_none() && Instant::now() < end, "{} does not listen", program.display());
            tokio::time::sleep(PAUSE).await;
        }
        Ok(server)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
