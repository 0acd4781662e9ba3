//! What is left of a case in Redis and in the stream, in a form that can be compared: everything but times.

use crate::scene::{Answer, Scene};
use greentic_session::Record;
use greentic_session::scripts::INDEX;
use greentic_tests::{spoken, until};
use greentic_types::subject::EGRESS_STREAM;
use redis::aio::MultiplexedConnection;
use serde_json::Value;
use std::collections::BTreeMap;

#[derive(Debug, PartialEq)]
pub struct Observed {
    pub answers: Vec<Answer>,
    /// Session records by key.
    pub records: BTreeMap<String, Record>,
    /// Every key of the store.
    pub keys: Vec<String>,
    /// The stream, in order.
    pub published: Vec<Published>,
}

/// One publication, whole.
#[derive(Debug, PartialEq)]
pub struct Published {
    pub subject: String,
    pub headers: Vec<(String, Vec<String>)>,
    pub payload: String,
}

impl Observed {
    pub fn spoken(&self, conversation: i64) -> Vec<String> {
        let envelopes: Vec<Value> =
            self.published.iter().map(|published| serde_json::from_str(&published.payload).unwrap()).collect();
        spoken(&envelopes, conversation).into_iter().map(str::to_owned).collect()
    }

    pub fn record(&self, chat: i64) -> Option<&Record> {
        self.records.get(&key(chat, "s"))
    }

    /// For cases in which the order of two conversations is nobody's promise.
    pub fn sorted(mut self) -> Observed {
        self.published.sort_by(|one, other| one.payload.cmp(&other.payload));
        self
    }
}

/// Key of a part of a private chat's conversation.
pub fn key(chat: i64, part: &str) -> String {
    format!("greentic:{{dev:demo:default:telegram:{chat}:{chat}}}:{part}")
}

/// Waits until so much is published and nothing is under way, and gives everything there is.
pub async fn observe(scene: &Scene, answers: Vec<Answer>, published: u64) -> Observed {
    let stream = scene.servers.nats.messages(EGRESS_STREAM, published).await;
    assert_eq!(stream.len() as u64, published, "{stream:#?}");
    let published = stream.into_iter().map(|stored| {
        let headers = stored
            .headers
            .iter()
            .map(|(name, values)| (name.to_string(), values.iter().map(ToString::to_string).collect::<Vec<_>>()));
        let mut headers: Vec<_> = headers.collect();
        headers.sort();
        Published { subject: stored.subject, headers, payload: String::from_utf8(stored.bytes).unwrap() }
    });
    let published = published.collect();

    let connection = scene.servers.redis.connect().await;
    let keys = until("leases, queues and outboxes to be gone", || {
        let mut connection = connection.clone();
        async move {
            let keys = keys(&mut connection).await;
            let busy = [":l", ":q", ":w", ":o"];
            let idle = keys.iter().all(|key| key != INDEX && !busy.iter().any(|ending| key.ends_with(ending)));
            idle.then_some(keys)
        }
    })
    .await;
    let mut records = BTreeMap::new();
    for key in keys.iter().filter(|key| key.ends_with("}:s")) {
        records.insert(key.clone(), record(&mut connection.clone(), key).await);
    }
    Observed { answers, records, keys, published }
}

async fn keys(connection: &mut MultiplexedConnection) -> Vec<String> {
    let mut keys: Vec<String> = redis::cmd("KEYS").arg("*").query_async(connection).await.unwrap();
    keys.sort();
    keys
}

/// A record with its times masked.
async fn record(connection: &mut MultiplexedConnection, key: &str) -> Record {
    let left: i64 = redis::cmd("TTL").arg(key).query_async(connection).await.unwrap();
    assert!((1_700..=1_800).contains(&left), "{key} is kept for {left} s");
    let bytes: Vec<u8> = redis::cmd("GET").arg(key).query_async(connection).await.unwrap();
    let mut record = Record::decode(&bytes).unwrap();
    assert!(record.created_ms > 0 && record.updated_ms >= record.created_ms, "{record:?}");
    (record.created_ms, record.updated_ms) = (0, 0);
    if let Some(deadline) = record.wait.as_mut().and_then(|wait| wait.deadline_ms.as_mut()) {
        *deadline = 0;
    }
    record
}
