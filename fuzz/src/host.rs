//! A host that answers whatever the engine asks, from bytes, and checks what must hold of every turn.
//!
//! A turn ends within a bounded number of effects. The same answers make the same ending. What it leaves can be stored
//! and loaded. What the compiler wrote, the engine can run: a flow that was compiled is never `bad-flow`.

use greentic_flow::Compiled;
use greentic_flow::engine::{
    Answer, Effect, Ending, EntryRef, ErrorKind, Failure, FailureKind, HttpFailure, HttpFailureKind, HttpRequest,
    HttpResponse, Inputs, Limits, Turn,
};
use greentic_session::Record;
use greentic_types::{Action, Message, MessageKind, TenantCtx, Value};

/// Far more than a turn of [`LIMITS`] can ask for.
const MOST_EFFECTS: usize = 50_000;

const LIMITS: Limits = Limits { nodes: 100, outgoing: 32 };

/// One user's conversation with an app.
pub struct Session<'a> {
    /// The first is the default flow.
    pub flows: &'a [Compiled],
    pub record: Option<Record>,
    pub now_ms: u64,
    /// Whether compiler and engine were given the same: nothing was damaged in between.
    pub sound: bool,
    config: Vec<u8>,
    /// What decides how components and servers answer, from the beginning in each turn.
    chance: &'a [u8],
}

impl<'a> Session<'a> {
    pub fn new(flows: &'a [Compiled], config: &Value, chance: &'a [u8]) -> Session<'a> {
        let config = minicbor::to_vec(config).unwrap();
        Session { flows, record: None, now_ms: 1_700_000_000_000, sound: true, config, chance }
    }

    /// Runs a turn twice, checks what it came to, and keeps the record.
    pub fn turn(&mut self, message: &Message) -> Ending {
        let ending = self.run(message);
        // As text: a number that is none is not equal to itself.
        assert_eq!(format!("{ending:?}"), format!("{:?}", self.run(message)), "the same answers made another ending");
        assert!(ending.replies.len() <= LIMITS.outgoing as usize && ending.events.len() <= LIMITS.outgoing as usize);
        if let Some(error) = &ending.error {
            assert_ne!(error.kind, ErrorKind::BadAnswer, "{error}");
            // That a called flow has the entrypoint is known to whoever builds the pack, not to one flow's compiler.
            let damaged = error.kind == ErrorKind::BadFlow && !error.detail.contains("entrypoint");
            assert!(!(self.sound && damaged), "a compiled flow can't be run: {error}");
        }
        if let Some(record) = &ending.record {
            let bytes = record.encode().expect("the record can't be stored");
            let read = Record::decode(&bytes).expect("the record can't be loaded again");
            assert_eq!(read.encode().as_ref(), Ok(&bytes));
            self.record = Some(read);
        }
        ending
    }

    fn run(&self, message: &Message) -> Ending {
        let tenant = TenantCtx { env_id: "dev".into(), tenant_id: "t".into(), team_id: None };
        let mut turn = Turn::new(Inputs {
            message,
            tenant: &tenant,
            channel: "c",
            record: self.record.clone(),
            now_ms: self.now_ms,
            seed: 7,
            error_message: "Sorry.",
            limits: LIMITS,
            default_locale: "en",
        });
        let mut chance = self.chance.iter().copied().chain(std::iter::repeat(0));
        let mut effect = turn.step(Answer::Start);
        for _ in 0..MOST_EFFECTS {
            effect = match effect {
                Effect::Entry { flow } => {
                    let index = flow.map_or(Some(0), |name| self.flows.iter().position(|flow| flow.name == name));
                    let found = index.and_then(|index| Some((index, self.flows.get(index)?)));
                    turn.step(Answer::Entry(found.map(|(index, flow)| EntryRef {
                        flow: index as u32,
                        name: &flow.name,
                        pack_version: "v",
                        head: &flow.head,
                    })))
                }
                Effect::Node { flow, index } => {
                    let nodes = self.flows.get(flow as usize).map(|flow| flow.nodes.as_slice()).unwrap_or_default();
                    turn.step(Answer::Node(nodes.get(index as usize).map(Vec::as_slice)))
                }
                Effect::Config => turn.step(Answer::Config(&self.config)),
                Effect::Texts { locale, keys } => {
                    let text = |key: &String| (key.len() % 3 != 0).then(|| format!("{locale} {key} {{{{message}}}}"));
                    turn.step(Answer::Texts(keys.iter().map(text).collect()))
                }
                Effect::Invoke { content, .. } => turn.step(Answer::Invoked(invoked(content, chance.next()))),
                Effect::Http(request) => turn.step(Answer::Http(answered(request, chance.next()))),
                Effect::Sleep { .. } => turn.step(Answer::Slept),
                Effect::Done(ending) => return ending,
            };
        }
        panic!("the turn did not end");
    }
}

fn invoked(content: String, chance: Option<u8>) -> Result<Option<String>, Failure> {
    let failed = |kind| Err(Failure { kind, message: "no".to_owned() });
    match chance.unwrap_or_default() % 8 {
        1 => Ok(None),
        2 => failed(FailureKind::Failed),
        3 => failed(FailureKind::Stopped),
        4 => failed(FailureKind::Unknown),
        5 => Ok(Some("{\"a\":[1,2.5,null,{\"b\":\"c\"}],\"status\":\"s\",\"text\":\"t\"}".to_owned())),
        6 => Ok(Some("[".repeat(200))),
        _ => Ok(Some(content)),
    }
}

fn answered(request: HttpRequest, chance: Option<u8>) -> Result<HttpResponse, HttpFailure> {
    let answer = |status, body: &[u8]| {
        let headers =
            vec![("Content-Type".to_owned(), "application/json".to_owned()), ("Retry-After".into(), "1".into())];
        Ok(HttpResponse { status, headers, body: body.to_vec() })
    };
    let failed = |kind| Err(HttpFailure { kind, detail: "no".to_owned() });
    match chance.unwrap_or_default() % 10 {
        1 => answer(503, b"{}"),
        2 => answer(404, b"\xff\xfe"),
        3 => failed(HttpFailureKind::Timeout),
        4 => failed(HttpFailureKind::Refused),
        5 => failed(HttpFailureKind::TooLarge),
        6 => answer(200, br#"{"choices":[{"message":{"content":"{\"a\":1}"}}],"usage":{"total_tokens":7}}"#),
        7 => answer(
            200,
            br#"{"choices":[{"message":{"tool_calls":[{"id":"1","type":"function","function":{"name":"tool","arguments":"{\"q\":1}"}}]}}]}"#,
        ),
        8 => answer(429, "[".repeat(500).as_bytes()),
        _ => answer(200, &request.body.unwrap_or_default()),
    }
}

/// A message of these words.
pub fn said(text: &str) -> Message {
    Message {
        delivery_id: "1".into(),
        kind: MessageKind::Message,
        conversation: "c".into(),
        thread: None,
        user: "u".into(),
        user_name: Some("Zoë".into()),
        message_id: None,
        text: text.into(),
        action: None,
        command: None,
        attachments: Vec::new(),
        locale: Some("de".into()),
        timestamp: 0,
        starts_turn: true,
        reply_context: None,
        acknowledgement: None,
    }
}

/// A button that was pressed.
pub fn pressed(value: &str) -> Message {
    let action = Action { id: "b".to_owned(), value: value.to_owned() };
    Message { kind: MessageKind::Interaction, action: Some(action), ..said("") }
}
