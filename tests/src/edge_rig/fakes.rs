//! What an instance imports: answered from the scene, and noted.

use super::bindings::greentic::edge::{egress, flow, nodes, provider, route, secrets, session_store, types};
use super::outgoing::{Network, Outgoing};
use super::{Requested, Scene};
use greentic_flow::engine::{FailureKind, HttpFailure, HttpResponse};
use greentic_types::{Message, MessageKind};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use wasmtime::component::ResourceTable;
use wasmtime_wasi::p2::pipe::MemoryOutputPipe;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

pub const EGRESS: &str = "egress.messaging-test";
pub const EVENTS: &str = "events.acme";

/// What the provider answers the platform.
pub const ACCEPTED: u16 = 200;

/// The lease of the one turn.
const VERSION: u64 = 1;

/// State of one store.
pub struct Instance {
    scene: Scene,
    table: ResourceTable,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    outgoing: Outgoing,
    network: Arc<Mutex<Network>>,
    calls: Vec<String>,
    committed: Option<Committed>,
    published: Vec<types::Publication>,
    settled: Option<Vec<String>>,
}

struct Committed {
    session: Option<Vec<u8>>,
    outbox: Vec<String>,
}

/// An instance when its turn is over.
pub struct Finished {
    pub session: Option<Vec<u8>>,
    pub published: Vec<types::Publication>,
    pub calls: Vec<String>,
    pub requests: Vec<Requested>,
    pub answers: VecDeque<Result<HttpResponse, HttpFailure>>,
}

impl Instance {
    pub fn new(mut scene: Scene, stderr: MemoryOutputPipe) -> Instance {
        let answers = std::mem::take(&mut scene.network);
        let network = Arc::new(Mutex::new(Network { answers, requests: Vec::new() }));
        Instance {
            scene,
            table: ResourceTable::new(),
            wasi: WasiCtx::builder().stderr(stderr).build(),
            http: WasiHttpCtx::new(),
            outgoing: Outgoing(Arc::clone(&network)),
            network,
            calls: Vec::new(),
            committed: None,
            published: Vec::new(),
            settled: None,
        }
    }

    pub fn seed(&self) -> u64 {
        self.scene.seed
    }

    /// Fails where the turn was not stored, published and settled, all of it and in this order.
    pub fn finished(self) -> Finished {
        let committed = self.committed.expect("the turn was committed");
        let published: Vec<String> = self.published.iter().map(|publication| publication.id.clone()).collect();
        assert_eq!(published, committed.outbox);
        assert_eq!(self.settled, Some(committed.outbox));
        let network = std::mem::take(&mut *self.network.lock().unwrap());
        Finished {
            session: committed.session,
            published: self.published,
            calls: self.calls,
            requests: network.requests,
            answers: network.answers,
        }
    }
}

impl WasiView for Instance {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for Instance {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { hooks: &mut self.outgoing, table: &mut self.table, ctx: &mut self.http }
    }
}

impl types::Host for Instance {}

impl route::Host for Instance {
    fn current(&mut self) -> route::Route {
        route::Route {
            tenant: types::TenantCtx { env_id: "dev".to_owned(), tenant_id: "acme".to_owned(), team_id: None },
            channel: "messaging-test".to_owned(),
            egress_subject: EGRESS.to_owned(),
            events_subject: EVENTS.to_owned(),
            session_ttl_seconds: 3600,
            received_at: self.scene.received_at,
            default_locale: "en".to_owned(),
            error_message: self.scene.error_message.clone(),
            limits: route::Limits { nodes: self.scene.nodes, outgoing: self.scene.outgoing, session_bytes: 256 * 1024 },
        }
    }

    fn config(&mut self) -> Vec<u8> {
        self.scene.config.clone()
    }

    fn texts(&mut self, locale: String, keys: Vec<String>) -> Vec<Option<String>> {
        keys.iter().map(|key| self.scene.texts.get(&format!("{locale}/{key}")).cloned()).collect()
    }
}

impl provider::Host for Instance {
    fn webhook(&mut self, _: types::Request) -> provider::Received {
        let response = types::Response { status: ACCEPTED, headers: Vec::new(), body: Vec::new() };
        provider::Received { response, messages: vec![message(&self.scene.message)] }
    }

    fn send(&mut self, _: types::Outbound) -> Result<provider::Receipt, provider::SendError> {
        Err(provider::SendError::Permanent("the edge sends nothing itself".to_owned()))
    }

    fn describe(&mut self) -> provider::Description {
        provider::Description { name: "test".to_owned(), secrets: Vec::new(), hosts: Vec::new(), text_limit: 4096 }
    }
}

impl session_store::Host for Instance {
    fn begin(
        &mut self,
        _: session_store::SessionKey,
        _: String,
    ) -> Result<session_store::Begun, session_store::StoreError> {
        let session = self.scene.session.clone();
        Ok(session_store::Begun::New(session_store::Turn { version: VERSION, session, unsent: Vec::new() }))
    }

    fn commit(
        &mut self,
        version: u64,
        session: Option<Vec<u8>>,
        _: u32,
        outbox: Vec<types::Publication>,
        _: String,
    ) -> Result<(), session_store::StoreError> {
        if version != VERSION || self.committed.is_some() {
            return Err(session_store::StoreError::Fenced);
        }
        let outbox = outbox.into_iter().map(|publication| publication.id).collect();
        self.committed = Some(Committed { session, outbox });
        Ok(())
    }

    fn settle(&mut self, version: u64, ids: Vec<String>) -> Result<(), session_store::StoreError> {
        if version != VERSION || self.settled.is_some() {
            return Err(session_store::StoreError::Fenced);
        }
        self.settled = Some(ids);
        Ok(())
    }
}

impl egress::Host for Instance {
    fn publish(&mut self, batch: Vec<types::Publication>) -> Vec<egress::Published> {
        let stored = |id: &String| self.committed.as_ref().is_some_and(|committed| committed.outbox.contains(id));
        let told = batch.iter().map(|publication| {
            if stored(&publication.id) { egress::Published::Accepted } else { egress::Published::Reject }
        });
        let told = told.collect();
        self.published.extend(batch);
        told
    }
}

impl nodes::Host for Instance {
    fn invoke(
        &mut self,
        component: String,
        operation: String,
        payload: nodes::Payload,
        _: Option<u32>,
    ) -> Result<Option<String>, nodes::NodeError> {
        self.calls.push(payload.content);
        let result = self.scene.components.get(&format!("{component}.{operation}")).cloned();
        result.unwrap_or(Ok(None)).map_err(|failure| match failure.kind {
            FailureKind::Failed => nodes::NodeError::Failed(failure.message),
            FailureKind::Stopped => nodes::NodeError::Stopped(failure.message),
            FailureKind::Unknown => nodes::NodeError::Unknown(failure.message),
        })
    }
}

impl flow::Host for Instance {
    fn entry(&mut self, name: Option<String>) -> Option<flow::FlowEntry> {
        let flows = &self.scene.flows;
        let place = match name {
            Some(name) => flows.iter().position(|flow| flow.name == name)?,
            None => 0,
        };
        let flow = flows.get(place)?;
        Some(flow::FlowEntry {
            flow: u32::try_from(place).ok()?,
            name: flow.name.clone(),
            pack_version: self.scene.pack_version.clone(),
            head: flow.head.clone(),
        })
    }

    fn node(&mut self, flow: u32, index: u32) -> Option<Vec<u8>> {
        self.scene.flows.get(flow as usize)?.nodes.get(index as usize).cloned()
    }
}

impl secrets::Host for Instance {
    fn get(&mut self, name: String) -> Option<Vec<u8>> {
        self.scene.secrets.get(&name).map(|secret| secret.clone().into_bytes())
    }
}

fn message(message: &Message) -> types::Message {
    let message = message.clone();
    types::Message {
        delivery_id: message.delivery_id,
        kind: kind(message.kind),
        conversation: message.conversation,
        thread: message.thread,
        user: message.user,
        user_name: message.user_name,
        message_id: message.message_id,
        text: message.text,
        action: message.action.map(|action| types::Action { id: action.id, value: action.value }),
        command: message.command,
        attachments: message.attachments.into_iter().map(attachment).collect(),
        locale: message.locale,
        timestamp: message.timestamp,
        starts_turn: message.starts_turn,
        reply_context: message.reply_context,
        acknowledgement: message.acknowledgement,
    }
}

fn attachment(attachment: greentic_types::Attachment) -> types::Attachment {
    types::Attachment {
        kind: attachment.kind,
        name: attachment.name,
        mime_type: attachment.mime_type,
        reference: attachment.reference,
        size: attachment.size,
    }
}

fn kind(kind: MessageKind) -> types::MessageKind {
    match kind {
        MessageKind::Message => types::MessageKind::Message,
        MessageKind::Interaction => types::MessageKind::Interaction,
        MessageKind::Command => types::MessageKind::Command,
        MessageKind::Edited => types::MessageKind::Edited,
        MessageKind::Deleted => types::MessageKind::Deleted,
        MessageKind::Reaction => types::MessageKind::Reaction,
        MessageKind::Joined => types::MessageKind::Joined,
        MessageKind::Left => types::MessageKind::Left,
        MessageKind::Receipt => types::MessageKind::Receipt,
        MessageKind::Typing => types::MessageKind::Typing,
        MessageKind::Event => types::MessageKind::Event,
    }
}
