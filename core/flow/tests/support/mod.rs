//! Drives compiled flows natively: what a host does, in a few lines, and what tests of every kind share.
#![allow(dead_code, reason = "each test binary uses another part of it")]

use greentic_flow::engine::{Answer, Effect, Ending, EntryRef, Failure, Inputs, Limits, Turn};
use greentic_flow::{Compiled, Context, compile};
use greentic_session::Record;
use greentic_types::{Action, Message, MessageKind, TenantCtx, Value};
use std::collections::BTreeMap;

/// A host with one flow.
pub struct World {
    pub compiled: Compiled,
    pub pack_version: String,
    pub record: Option<Record>,
    pub now_ms: u64,
    pub limits: Limits,
    pub config: Value,
    /// By `component.operation`.
    pub components: BTreeMap<String, Result<Option<String>, Failure>>,
    /// Contents components were called with, in order.
    pub calls: Vec<String>,
    /// Effects of the last turn but the last one.
    pub steps: u32,
    pub asked_config: bool,
}

impl World {
    pub fn new(compiled: Compiled) -> Self {
        World {
            compiled,
            pack_version: "v1".to_owned(),
            record: None,
            now_ms: 1_000,
            limits: Limits { nodes: 100, outgoing: 8 },
            config: Value::Map(BTreeMap::new()),
            components: BTreeMap::new(),
            calls: Vec::new(),
            steps: 0,
            asked_config: false,
        }
    }

    pub fn of(text: &str, components: &[&str]) -> Self {
        match compile(text, &Context { components }) {
            Ok(compiled) => World::new(compiled),
            Err(findings) => panic!("{findings:#?}"),
        }
    }

    pub fn say(&mut self, text: &str) -> Ending {
        self.turn(&message(text))
    }

    pub fn press(&mut self, value: &str) -> Ending {
        let action = Action { id: "press-1".to_owned(), value: value.to_owned() };
        self.turn(&Message { kind: MessageKind::Interaction, action: Some(action), ..message("") })
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
            error_message: "Something went wrong.",
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
                    let known = flow.is_none_or(|flow| flow == self.compiled.name);
                    turn.step(Answer::Entry(known.then_some(EntryRef {
                        flow: 7,
                        name: &self.compiled.name,
                        pack_version: &self.pack_version,
                        head: &self.compiled.head,
                    })))
                }
                Effect::Config => {
                    self.asked_config = true;
                    turn.step(Answer::Config(&config))
                }
                Effect::Node { flow, index } => {
                    assert_eq!(flow, 7);
                    turn.step(Answer::Node(self.compiled.nodes.get(index as usize).map(Vec::as_slice)))
                }
                Effect::Invoke { component, operation, content } => {
                    self.calls.push(content);
                    let result = self.components.get(&format!("{component}.{operation}")).cloned();
                    turn.step(Answer::Invoked(result.unwrap_or(Ok(None))))
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
