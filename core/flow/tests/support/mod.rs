//! Drives compiled flows natively: what a host does, in a few lines, and what tests of every kind share.
#![allow(dead_code, reason = "each test binary uses another part of it")]

pub mod heard;
pub mod transcript;

use greentic_flow::engine::{
    Answer, Effect, Ending, EntryRef, Failure, HttpFailure, HttpRequest, HttpResponse, Inputs, Limits, Turn,
};
use greentic_flow::{Compiled, Context, compile};
use greentic_session::Record;
use greentic_types::{Action, Message, MessageKind, TenantCtx, Value};
use std::collections::{BTreeMap, VecDeque};

pub const SEED: u64 = 42;
pub const ERROR_MESSAGE: &str = "Something went wrong.";

/// A host with one app.
#[derive(Clone)]
pub struct World {
    /// The first is the default flow.
    pub flows: Vec<Compiled>,
    pub pack_version: String,
    pub record: Option<Record>,
    pub now_ms: u64,
    pub limits: Limits,
    pub config: Value,
    /// By `component.operation`.
    pub components: BTreeMap<String, Result<Option<String>, Failure>>,
    /// Contents components were called with, in order.
    pub calls: Vec<String>,
    /// Answers of the network, in order.
    pub network: VecDeque<Result<HttpResponse, HttpFailure>>,
    pub requests: Vec<HttpRequest>,
    /// What is granted. Who drives natively leaves them names, as the engine does.
    pub secrets: BTreeMap<String, String>,
    /// By `locale/key`.
    pub texts: BTreeMap<String, String>,
    pub pauses: Vec<u32>,
    /// Effects of the last turn but the last one.
    pub steps: u32,
    pub asked_config: bool,
    pub asked_texts: u32,
}

impl World {
    pub fn new(flows: Vec<Compiled>) -> Self {
        World {
            flows,
            pack_version: "v1".to_owned(),
            record: None,
            now_ms: 1_000,
            limits: Limits { nodes: 100, outgoing: 8 },
            config: Value::Map(BTreeMap::new()),
            components: BTreeMap::new(),
            calls: Vec::new(),
            network: VecDeque::new(),
            requests: Vec::new(),
            secrets: BTreeMap::new(),
            texts: BTreeMap::new(),
            pauses: Vec::new(),
            steps: 0,
            asked_config: false,
            asked_texts: 0,
        }
    }

    pub fn of(text: &str, components: &[&str]) -> Self {
        World::new(vec![compiled(text, components, &[])])
    }

    /// Flows that call each other.
    pub fn of_all(texts: &[&str], names: &[&str]) -> Self {
        World::new(texts.iter().map(|text| compiled(text, &[], names)).collect())
    }

    pub fn say(&mut self, text: &str) -> Ending {
        self.turn(&message(text))
    }

    pub fn press(&mut self, value: &str) -> Ending {
        let action = Action { id: "press-1".to_owned(), value: value.to_owned() };
        self.turn(&Message { kind: MessageKind::Interaction, action: Some(action), ..message("") })
    }

    /// What the network answers next.
    pub fn answers(&mut self, status: u16, body: &str) {
        let headers = vec![("Content-Type".to_owned(), "application/json".to_owned())];
        self.network.push_back(Ok(HttpResponse { status, headers, body: body.as_bytes().to_vec() }));
    }

    /// Runs one turn, and stores what it leaves.
    pub fn turn(&mut self, message: &Message) -> Ending {
        let tenant = TenantCtx { env_id: "dev".into(), tenant_id: "acme".into(), team_id: None };
        let mut turn = Turn::new(Inputs {
            message,
            tenant: &tenant,
            channel: "messaging-test",
            record: self.record.clone(),
            now_ms: self.now_ms,
            seed: SEED,
            error_message: ERROR_MESSAGE,
            limits: self.limits,
            default_locale: "en",
        });
        let config = minicbor::to_vec(&self.config).unwrap();
        self.steps = 0;
        let mut effect = turn.step(Answer::Start);
        loop {
            self.steps += 1;
            assert!(self.steps < 10_000, "the turn does not end");
            effect = match effect {
                Effect::Entry { flow } => {
                    let place = match flow {
                        Some(name) => self.flows.iter().position(|flow| flow.name == name),
                        None => Some(0),
                    };
                    turn.step(Answer::Entry(place.map(|place| EntryRef {
                        flow: place as u32,
                        name: &self.flows[place].name,
                        pack_version: &self.pack_version,
                        head: &self.flows[place].head,
                    })))
                }
                Effect::Config => {
                    self.asked_config = true;
                    turn.step(Answer::Config(&config))
                }
                Effect::Node { flow, index } => {
                    turn.step(Answer::Node(self.flows[flow as usize].nodes.get(index as usize).map(Vec::as_slice)))
                }
                Effect::Texts { locale, keys } => {
                    self.asked_texts += 1;
                    let texts = keys.iter().map(|key| self.texts.get(&format!("{locale}/{key}")).cloned()).collect();
                    turn.step(Answer::Texts(texts))
                }
                Effect::Invoke { component, operation, content, .. } => {
                    self.calls.push(content);
                    let result = self.components.get(&format!("{component}.{operation}")).cloned();
                    turn.step(Answer::Invoked(result.unwrap_or(Ok(None))))
                }
                Effect::Http(request) => {
                    self.requests.push(request);
                    let result = self.network.pop_front().unwrap_or_else(|| panic!("no answer of the network is left"));
                    turn.step(Answer::Http(result))
                }
                Effect::Sleep { ms } => {
                    self.pauses.push(ms);
                    turn.step(Answer::Slept)
                }
                Effect::Done(ending) => {
                    if let Some(record) = &ending.record {
                        // Through the bytes, as a store would.
                        self.record = Some(Record::decode(&record.encode().unwrap()).unwrap());
                    }
                    return ending;
                }
            };
        }
    }
}

pub fn compiled(text: &str, components: &[&str], flows: &[&str]) -> Compiled {
    let context = Context { components: Some(components), flows: Some(flows), ..Context::default() };
    match compile(text, &context) {
        Ok(compiled) => compiled,
        Err(findings) => panic!("{findings:#?}"),
    }
}

pub fn message(text: &str) -> Message {
    Message {
        delivery_id: "d1".into(),
        kind: MessageKind::Message,
        conversation: "c1".into(),
        thread: None,
        user: "u1".into(),
        user_name: Some("Zoë".into()),
        message_id: None,
        text: text.into(),
        action: None,
        command: None,
        attachments: Vec::new(),
        locale: None,
        timestamp: 1_700_000_000_000,
        starts_turn: true,
        reply_context: Some("secret-of-the-provider".into()),
        acknowledgement: None,
    }
}

pub fn texts(ending: &Ending) -> Vec<&str> {
    ending.replies.iter().map(|reply| reply.text.as_str()).collect()
}
