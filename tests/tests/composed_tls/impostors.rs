//! Servers without TLS where TLS is asked for: they hear nothing that tells who we are or what we have to say.

use crate::door::{Door, NATS_CREDENTIALS, NATS_URL, NOWHERE, REDIS_PASSWORD, REDIS_URL};
use greentic_tests::{Redis, until};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const PASSWORD: &str = "hunter2-of-the-tests";

/// Takes notes of what it is sent.
struct Impostor {
    address: SocketAddr,
    notes: Arc<Mutex<Notes>>,
}

#[derive(Default)]
struct Notes {
    heard: Vec<u8>,
    begun: usize,
    ended: usize,
}

impl Impostor {
    /// Begins each conversation with `greeting`, and has `answer` for whatever it hears.
    async fn listen(greeting: &'static str, answer: &'static str) -> Impostor {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let notes = Arc::<Mutex<Notes>>::default();
        let kept = Arc::clone(&notes);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                kept.lock().unwrap().begun += 1;
                tokio::spawn(converse(stream, greeting, answer, Arc::clone(&kept)));
            }
        });
        Impostor { address, notes }
    }

    /// All it heard, once every conversation is over.
    async fn heard(&self) -> Vec<u8> {
        until("a conversation and its end", || async {
            let notes = self.notes.lock().unwrap();
            (notes.begun > 0 && notes.ended == notes.begun).then(|| notes.heard.clone())
        })
        .await
    }

    /// It heard the beginning of a handshake, and no word in the clear.
    async fn heard_only_tls(&self) {
        let heard = self.heard().await;
        let shown = String::from_utf8_lossy(&heard);
        // A record of type handshake, of whatever version of TLS.
        assert!(heard.starts_with(&[0x16, 0x03]), "{shown}");
        for word in [PASSWORD, "AUTH", "EVALSHA", "CONNECT"] {
            assert!(!shown.contains(word), "{shown}");
        }
    }
}

/// That the other end hangs up is what is hoped for, so errors only end it.
async fn converse(mut stream: TcpStream, greeting: &str, answer: &str, notes: Arc<Mutex<Notes>>) {
    let mut piece = [0; 4096];
    let mut greeted = stream.write_all(greeting.as_bytes()).await;
    while greeted.is_ok() {
        let Ok(length @ 1..) = stream.read(&mut piece).await else { break };
        notes.lock().unwrap().heard.extend_from_slice(&piece[..length]);
        greeted = stream.write_all(answer.as_bytes()).await;
    }
    notes.lock().unwrap().ended += 1;
}

/// A Redis without TLS answers nonsense with an error or waits for its end.
#[tokio::test(flavor = "multi_thread")]
async fn redis() {
    for (answer, why) in [("-ERR unknown command\r\n", "TLS: "), ("", "TLS: the server did not finish the handshake")] {
        let impostor = Impostor::listen("", answer).await;
        let in_url = format!("rediss://default:{PASSWORD}@{}", impostor.address);
        let alone = format!("rediss://{}", impostor.address);
        for settings in [
            [(REDIS_URL, in_url.as_str()), (REDIS_PASSWORD, ""), (NATS_URL, NOWHERE)],
            [(REDIS_URL, alone.as_str()), (REDIS_PASSWORD, PASSWORD), (NATS_URL, NOWHERE)],
        ] {
            Door::open(&settings).refuses(&format!("session store unavailable: {why}")).await;
            impostor.heard_only_tls().await;
        }
    }
}

/// Gives the impostor after one message; `None` when Redis isn't installed.
async fn nats(greeting: &'static str, answer: &'static str, why: &str) -> Option<Impostor> {
    let redis = Redis::start().await?;
    let impostor = Impostor::listen(greeting, answer).await;
    let (redis_url, nats_url) = (redis.url(), format!("tls://{}", impostor.address));
    let credentials = format!("edge:{PASSWORD}");
    let settings =
        [(REDIS_URL, redis_url.as_str()), (NATS_URL, nats_url.as_str()), (NATS_CREDENTIALS, credentials.as_str())];
    Door::open(&settings).keeps(&redis, &format!("bus unavailable: {why}")).await;
    Some(impostor)
}

#[tokio::test(flavor = "multi_thread")]
async fn nats_that_does_not_offer_tls() {
    let greeting = "INFO {\"server_id\":\"N\",\"version\":\"2.9.10\",\"headers\":true,\"max_payload\":1048576}\r\n";
    let why = "TLS is asked for (tls://), and the server does not offer it";
    let Some(impostor) = nats(greeting, "PONG\r\n", why).await else { return };
    assert!(impostor.heard().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn nats_that_offers_tls_and_has_none() {
    let greeting = "INFO {\"server_id\":\"N\",\"headers\":true,\"max_payload\":1048576,\"tls_available\":true}\r\n";
    let Some(impostor) = nats(greeting, "PONG\r\n", "TLS: ").await else { return };
    impostor.heard_only_tls().await;
}

/// Words before the handshake may be anybody's, and must not count as said under TLS.
#[tokio::test(flavor = "multi_thread")]
async fn nats_that_says_more_before_tls() {
    let greeting =
        "INFO {\"server_id\":\"N\",\"headers\":true,\"max_payload\":1048576,\"tls_required\":true}\r\nPONG\r\n";
    let Some(impostor) = nats(greeting, "", "the server said more than INFO before TLS began").await else { return };
    assert!(impostor.heard().await.is_empty());
}
