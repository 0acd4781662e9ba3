//! kill -9 at 200 random moments under load: every webhook that got a 2xx has exactly one reply in the stream.
//!
//! Updates that got no 2xx are sent again, as Telegram does, so in the end every update was accepted and each must have
//! exactly one reply, whatever became of the processes that worked on it.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests stop at a broken assumption")]

use greentic_tests::{Bundle, Host, Nats, Redis, text};
use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::task::JoinSet;

const KILLS: u32 = 200;
const CLIENTS: usize = 8;
/// A conversation whose host was killed stays closed until its lease runs out; the others go on.
const CHATS: u64 = 512;
/// A client that waits longer takes the update as not accepted.
const CLIENT_PATIENCE: Duration = Duration::from_millis(500);
const LONGEST_LIFE_MS: u64 = 600;

const FLOW: &str = r#"
name: main
version: 1.0.0
nodes:
  - {id: keep, type: state, config: {action: set, key: last, value: "{{message}}"}, next: answer}
  - {id: answer, type: reply, config: {message: "got {{message}}"}}
triggers:
  - {type: default, target: keep}
"#;

/// What is still to be accepted, and what was.
#[derive(Default)]
struct Book {
    next: u64,
    turns: u64,
    again: VecDeque<u64>,
    accepted: Vec<u64>,
}

impl Book {
    /// Mostly new ones: what was not accepted often waits for a lease of the killed host, and a client with it.
    fn take(&mut self) -> u64 {
        self.turns += 1;
        if self.turns.is_multiple_of(8)
            && let Some(id) = self.again.pop_front()
        {
            return id;
        }
        self.next += 1;
        self.next
    }
}

fn update(id: u64) -> String {
    text(id, (id % CHATS) as i64 + 1, &format!("message {id}"))
}

/// Random without a dependency: the standard library seeds its hashers from the system.
fn random_below(limit: u64) -> u64 {
    RandomState::new().build_hasher().finish() % limit
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_killed_every_accepted_webhook_has_exactly_one_reply() {
    let (Some(redis), Some(nats)) = (Redis::start().await, Nats::start().await) else { return };
    let bundle = Bundle::with_flow("http://127.0.0.1:9", FLOW, &[]);
    let config = bundle.config(&format!(
        "[redis]\nurl = \"{}\"\n[nats]\nurl = \"{}\"\n[server]\negress_worker = false\n[logging]\nlevel = \"error\"\n",
        redis.url(),
        nats.url()
    ));
    let book = Arc::new(Mutex::new(Book::default()));
    for _ in 0..KILLS {
        let mut host = Arc::new(Host::start(&bundle, &config));
        let mut clients = JoinSet::new();
        for _ in 0..CLIENTS {
            clients.spawn(load(Arc::clone(&host), Arc::clone(&book)));
        }
        // The random moment is what this test is about; there is nothing to wait for.
        tokio::time::sleep(Duration::from_millis(random_below(LONGEST_LIFE_MS))).await;
        host.kill_now();
        while clients.join_next().await.is_some() {}
        Arc::get_mut(&mut host).unwrap().kill();
    }
    let accepted_under_fire = book.lock().unwrap().accepted.len();
    assert!(accepted_under_fire > KILLS as usize, "too little load to prove anything: {accepted_under_fire}");

    let host = Host::start(&bundle, &config);
    finish(&host, &book).await;
    let all = book.lock().unwrap().next;
    let replies = nats.stream_of("GREENTIC_EGRESS", all).await;
    let mut count: HashMap<u64, u32> = HashMap::new();
    for reply in &replies {
        let id: u64 = reply["delivery_id"].as_str().unwrap().parse().unwrap();
        assert_eq!(reply["content"]["reply"]["text"], format!("got message {id}"));
        *count.entry(id).or_default() += 1;
    }
    let wrong: Vec<_> = (1..=all).filter(|id| count.get(id) != Some(&1)).map(|id| (id, count.get(&id))).collect();
    assert!(wrong.is_empty(), "of {all}, not exactly once: {wrong:?}");
    eprintln!("{KILLS} kills, {accepted_under_fire} accepted under fire, {all} updates, {} replies", replies.len());
}

/// Sends until the host is gone.
async fn load(host: Arc<Host>, book: Arc<Mutex<Book>>) {
    loop {
        let id = book.lock().unwrap().take();
        let sent = tokio::time::timeout(CLIENT_PATIENCE, host.try_post(&update(id))).await;
        let mut book = book.lock().unwrap();
        match sent {
            Ok(Ok(200)) => book.accepted.push(id),
            Ok(Ok(_)) | Err(_) => book.again.push_back(id),
            Ok(Err(_)) => {
                book.again.push_back(id);
                return;
            }
        }
    }
}

/// Sends what was not accepted until all of it is.
async fn finish(host: &Host, book: &Mutex<Book>) {
    loop {
        let Some(id) = book.lock().unwrap().again.pop_front() else { return };
        match host.post(&update(id)).await {
            200 => book.lock().unwrap().accepted.push(id),
            503 => book.lock().unwrap().again.push_back(id),
            other => panic!("update {id}: {other}"),
        }
    }
}
