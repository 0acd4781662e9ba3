//! The native baseline: an axum handler that does the same JSON work in one process, with nothing between a request and
//! its state. It verifies, decodes, loads the session, composes, stores session and delivery, queues the reply.

use crate::served::SECRET_TOKEN;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use greentic_types::{Content, Envelope, Reply, TenantCtx, Value, outgoing_id};
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

#[derive(Deserialize)]
struct Update {
    update_id: u64,
    message: Option<Message>,
}

#[derive(Deserialize)]
struct Message {
    chat: Identified,
    from: Identified,
    #[serde(default)]
    text: String,
}

#[derive(Deserialize)]
struct Identified {
    id: i64,
}

#[derive(Default)]
struct Sessions {
    state: HashMap<i64, BTreeMap<String, Value>>,
    done: HashSet<u64>,
}

#[derive(Clone)]
struct Shared {
    sessions: Arc<Mutex<Sessions>>,
    replies: tokio::sync::mpsc::Sender<Vec<u8>>,
}

pub async fn serve(listener: tokio::net::TcpListener) -> anyhow::Result<()> {
    let (replies, mut queue) = tokio::sync::mpsc::channel::<Vec<u8>>(10_000);
    tokio::spawn(async move { while queue.recv().await.is_some() {} });
    let shared = Shared { sessions: Arc::default(), replies };
    let router = Router::new().route("/webhook/{provider}/{tenant}/{team}", axum::routing::post(webhook));
    axum::serve(listener, router.with_state(shared)).await?;
    Ok(())
}

async fn webhook(State(shared): State<Shared>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let secret = headers.get("x-telegram-bot-api-secret-token").map(|value| value.as_bytes());
    if secret != Some(SECRET_TOKEN.as_bytes()) {
        return StatusCode::FORBIDDEN;
    }
    let Ok(update) = serde_json::from_slice::<Update>(&body) else { return StatusCode::BAD_REQUEST };
    let Some(message) = update.message else { return StatusCode::OK };
    let Some(reply) = turn(&shared, update.update_id, &message) else { return StatusCode::OK };
    let Ok(bytes) = serde_json::to_vec(&reply) else { return StatusCode::INTERNAL_SERVER_ERROR };
    match shared.replies.send(bytes).await {
        Ok(()) => StatusCode::OK,
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn turn(shared: &Shared, update_id: u64, message: &Message) -> Option<Envelope> {
    let mut sessions = shared.sessions.lock().unwrap_or_else(PoisonError::into_inner);
    if !sessions.done.insert(update_id) {
        return None;
    }
    let state = sessions.state.entry(message.chat.id).or_default();
    let last = match state.get("last") {
        Some(Value::Text(text)) => text.as_str(),
        _ => "",
    };
    let text = format!("Hello {}, you said {}; before that {last}.", message.from.id, message.text);
    state.insert("last".into(), Value::Text(message.text.clone()));
    let (chat, delivery_id) = (message.chat.id.to_string(), update_id.to_string());
    Some(Envelope {
        id: outgoing_id(&["bench", &chat, &chat], &delivery_id, 0),
        tenant: TenantCtx { env_id: "dev".into(), tenant_id: "bench".into(), team_id: None },
        channel: "telegram".into(),
        conversation: chat.clone(),
        thread: None,
        user: chat,
        reply_context: None,
        delivery_id,
        content: Content::Reply(Reply { text, ..Reply::default() }),
    })
}
