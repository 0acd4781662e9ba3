//! The stores under test, as two hosts see them, and short words for what the cases do with them.

use futures::poll;
use greentic_host::imports::session::{
    Begun, Commit, Lease, Publication, SessionKey, SessionStore, StoreError, StoreSettings, Turn, in_memory, in_redis,
};
use greentic_types::{ChannelKey, TenantCtx};
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

pub type Store = Arc<dyn SessionStore>;

/// Long enough that a busy machine doesn't lose one, short enough to wait for.
pub const LEASE: Duration = Duration::from_secs(1);
/// For cases that must get their turn.
pub const PATIENT: Duration = Duration::from_secs(20);
pub const LONG_TTL: Duration = Duration::from_secs(3_600);

pub type Beginning<'a> = futures::future::BoxFuture<'a, Result<Begun, StoreError>>;

pub fn settings(max_wait: Duration) -> StoreSettings {
    StoreSettings { lease: LEASE, max_wait, dedup: LONG_TTL, max_record_bytes: 8 * 1024 }
}

pub fn key_of(env: &str, tenant: &str, team: Option<&str>, channel: &str) -> SessionKey {
    let tenant = TenantCtx { env_id: env.into(), tenant_id: tenant.into(), team_id: team.map(str::to_owned) };
    SessionKey {
        channel: ChannelKey { tenant, channel: channel.into() },
        conversation: "-100".into(),
        user: "42".into(),
    }
}

pub fn key() -> SessionKey {
    key_of("dev", "acme", None, "telegram")
}

pub fn publication(id: &str) -> Publication {
    Publication {
        id: id.into(),
        subject: "greentic.messaging.egress.dev.acme.default.telegram".into(),
        headers: vec![("Greentic-Tenant".into(), "acme".into())],
        payload: vec![0, 0xff, b'\n'],
    }
}

pub fn ids(publications: &[Publication]) -> Vec<&str> {
    publications.iter().map(|publication| publication.id.as_str()).collect()
}

pub fn text(turn: &Turn) -> Option<&str> {
    turn.session.as_deref().map(|bytes| std::str::from_utf8(bytes).unwrap())
}

pub async fn begin_new(store: &Store, key: &SessionKey, delivery: &str) -> Turn {
    match store.begin(key, delivery).await.unwrap() {
        Begun::New(turn) => turn,
        other => panic!("delivery {delivery:?}: {other:?}"),
    }
}

pub async fn commit(
    store: &Store,
    lease: &Lease,
    delivery: &str,
    session: &str,
    outbox: &[&str],
) -> Result<(), StoreError> {
    let outbox = outbox.iter().map(|id| publication(id)).collect();
    let commit = Commit { session: Some(session.into()), ttl: LONG_TTL, outbox, delivery: delivery.into() };
    store.commit(lease, commit).await
}

pub async fn settle(store: &Store, lease: &Lease, ids: &[&str]) {
    let ids: Vec<String> = ids.iter().map(|id| (*id).to_owned()).collect();
    store.settle(lease, &ids).await.unwrap();
}

/// A whole turn that commits and publishes nothing of it.
pub async fn turn(store: &Store, key: &SessionKey, delivery: &str, session: &str, outbox: &[&str]) {
    let turn = begin_new(store, key, delivery).await;
    commit(store, &turn.lease, delivery, session, outbox).await.unwrap();
    settle(store, &turn.lease, &[]).await;
}

/// Adds one to the session's number, and fails when another turn does so at the same time.
pub async fn count_up(store: &Store, turn: &Turn, delivery: &str, running: &AtomicBool) {
    assert!(!running.swap(true, Ordering::SeqCst), "two turns at once");
    let count: u32 = text(turn).unwrap().parse().unwrap();
    tokio::task::yield_now().await;
    commit(store, &turn.lease, delivery, &(count + 1).to_string(), &[]).await.unwrap();
    running.store(false, Ordering::SeqCst);
}

/// A store as two hosts see it.
pub struct Rig {
    pub store: Store,
    pub other: Store,
    pub server: Option<Server>,
}

impl Rig {
    /// One process has one such store, so both hosts are the same.
    pub fn memory(settings: StoreSettings) -> Rig {
        let store = in_memory(settings, 1_000);
        Rig { other: Arc::clone(&store), store, server: None }
    }

    pub fn redis(settings: StoreSettings) -> Option<Rig> {
        let server = Server::new()?;
        let open = || in_redis(&server.url(), settings.clone()).unwrap();
        Some(Rig { store: open(), other: open(), server: Some(server) })
    }

    /// Lets time pass by the clock that the store's own times run by.
    pub async fn elapse(&self, time: Duration) {
        if self.server.is_none() {
            return tokio::time::sleep(time).await;
        }
        // Redis itself waits: no list of this name ever gets an element.
        let seconds = (time + Duration::from_millis(20)).as_secs_f64();
        redis::cmd("BLPOP").arg("never").arg(seconds).exec_async(&mut self.raw().await).await.unwrap();
    }

    pub async fn until_no_orphans(&self) {
        let empty = async {
            while !self.store.orphans(Duration::ZERO, 10).await.unwrap().is_empty() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENT, empty).await.expect("an empty outbox stays in the index");
    }

    /// Drives a `begin` until Redis's queue has this length.
    pub async fn until_queued(&self, begin: &mut Beginning<'_>, key: &SessionKey, length: u64) {
        let mut raw = self.raw().await;
        let queue = key.stored().redis("q");
        let queued = async {
            loop {
                assert!(poll!(&mut *begin).is_pending());
                let now: u64 = redis::cmd("ZCARD").arg(&queue).query_async(&mut raw).await.unwrap();
                if now == length {
                    break;
                }
            }
        };
        tokio::time::timeout(PATIENT, queued).await.expect("never queued");
    }

    pub async fn raw(&self) -> redis::aio::MultiplexedConnection {
        let client = redis::Client::open(self.server.as_ref().unwrap().url()).unwrap();
        let config = redis::AsyncConnectionConfig::new().set_response_timeout(None);
        client.get_multiplexed_async_connection_with_config(&config).await.unwrap()
    }
}

/// A `redis-server` of our own on a free port; gone when dropped.
pub struct Server {
    port: u16,
    directory: tempfile::TempDir,
    child: Option<Child>,
}

impl Server {
    fn new() -> Option<Server> {
        if Command::new("redis-server").arg("--version").stdout(Stdio::null()).status().is_err() {
            #[allow(clippy::disallowed_methods, reason = "a test run is configured by its environment")]
            let required = std::env::var("GREENTIC_REQUIRE_SERVERS").is_ok();
            assert!(!required, "redis-server not found, and GREENTIC_REQUIRE_SERVERS is set");
            eprintln!("SKIPPED: redis-server not found (apt-get install redis-server)");
            return None;
        }
        let directory = tempfile::tempdir().unwrap();
        // Another process may take the port before Redis does: then another one.
        let started = (0..10).find_map(|_| {
            let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
            launch(port, directory.path()).map(|child| (port, child))
        });
        let (port, child) = started.expect("redis-server does not start");
        Some(Server { port, directory, child: Some(child) })
    }

    pub fn start(&mut self) {
        self.child = Some(launch(self.port, self.directory.path()).expect("redis-server does not start again"));
    }

    pub fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Returns once it accepts connections; None when it ended instead.
fn launch(port: u16, directory: &Path) -> Option<Child> {
    let mut child = Command::new("redis-server")
        .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--port", &port.to_string()])
        .arg("--dir")
        .arg(directory)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut log = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    while log.read_line(&mut line).unwrap() > 0 {
        if line.contains("Ready to accept connections") {
            // Read on, so that its log never fills the pipe.
            std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
            return Some(child);
        }
        line.clear();
    }
    child.wait().unwrap();
    None
}
