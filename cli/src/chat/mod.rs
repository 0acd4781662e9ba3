//! A conversation with an app on this machine: drives the step engine natively, with no server and no network.
//!
//! It keeps the session and the clock, which stands still unless it is told to jump. Components, HTTP and translated
//! texts are whoever's who starts the chat ([`Outside`]): `flow run` has none, `flow test` has fakes.

pub mod duration;
pub mod shown;

use greentic_flow::Compiled;
use greentic_flow::engine::{
    Answer, Effect, Ending, EntryRef, Failure, HttpFailure, HttpRequest, HttpResponse, Inputs, Limits, Turn,
};
use greentic_session::Record;
use greentic_types::{Action, Message, MessageKind, TenantCtx, Value};

/// As a host has them by default.
const LIMITS: Limits = Limits { nodes: 1_000, outgoing: 32 };

/// Node numbers mean the same as long as the chat goes on.
const PACK_VERSION: &str = "chat";

const CHANNEL: &str = "terminal";

/// What an app reaches beside its flows.
pub trait Outside {
    fn invoke(&mut self, component: &str, operation: &str, content: &str) -> Result<Option<String>, Failure>;

    fn http(&mut self, request: &HttpRequest) -> Result<HttpResponse, HttpFailure>;

    /// A translated text of the app.
    fn text(&self, locale: &str, key: &str) -> Option<String>;
}

/// What can be talked to.
pub struct App {
    /// With the keys by which a pack has them.
    pub flows: Vec<(String, Compiled)>,
    /// `config.*` as the pack has it, a map.
    pub config: Value,
}

impl App {
    pub fn place(&self, flow: &str) -> Option<usize> {
        self.flows.iter().position(|(key, compiled)| key == flow || compiled.name == flow)
    }
}

/// Who talks.
pub struct Speaker {
    pub user: String,
    pub locale: Option<String>,
}

/// What the user does, or what happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    Say(String),
    /// A button or card was worked; this is what it carries.
    Press(String),
    /// Without the `/`.
    Command {
        name: String,
        rest: String,
    },
    /// `timer` and `setup` among them; the payload is JSON, of a timer the cron expression.
    Event {
        event_type: String,
        payload: String,
    },
}

pub struct Chat<'a, O> {
    pub app: &'a App,
    /// Place of the flow that messages begin in.
    pub begin: usize,
    /// `config.*`, a map.
    pub config: &'a Value,
    pub outside: O,
    pub speaker: Speaker,
    pub record: Option<Record>,
    pub now_ms: u64,
    /// Whatever is random in the chat comes from it.
    pub seed: u64,
    /// What the user sees when a flow fails.
    pub error_message: &'a str,
    /// Turns so far.
    pub turns: u64,
}

impl<O: Outside> Chat<'_, O> {
    /// Lets time pass.
    pub fn wait(&mut self, ms: u64) {
        self.now_ms = self.now_ms.saturating_add(ms);
    }

    /// Whether a flow waits for the user.
    pub fn waits(&self) -> bool {
        self.record.as_ref().is_some_and(|record| record.wait.is_some())
    }

    /// One turn. A record that could not be stored is said as a note, as an operator would read it.
    pub fn act(&mut self, act: &Act) -> Ending {
        self.turns += 1;
        let message = self.message(act);
        let tenant = TenantCtx { env_id: "local".to_owned(), tenant_id: "local".to_owned(), team_id: None };
        let turn = Turn::new(Inputs {
            message: &message,
            tenant: &tenant,
            channel: CHANNEL,
            record: self.record.clone(),
            now_ms: self.now_ms,
            seed: self.seed.wrapping_add(self.turns),
            error_message: self.error_message,
            limits: LIMITS,
            default_locale: "en",
        });
        let mut ending = self.drive(turn);
        if let Some(record) = &ending.record {
            // Through the bytes, as a store would: what can't be stored must show here too.
            match record.encode().and_then(|bytes| Record::decode(&bytes)) {
                Ok(stored) => self.record = Some(stored),
                Err(error) => ending.notes.push(format!("the session could not be stored: {error}")),
            }
        }
        ending
    }

    fn drive(&mut self, mut turn: Turn<'_>) -> Ending {
        let app = self.app;
        // Encoding into memory can't fail.
        let config = minicbor::to_vec(self.config).unwrap_or_default();
        let mut effect = turn.step(Answer::Start);
        loop {
            effect = match effect {
                Effect::Entry { flow } => {
                    let place = flow.map_or(Some(self.begin), |name| app.place(&name));
                    turn.step(Answer::Entry(place.and_then(|place| entry(app, place))))
                }
                Effect::Node { flow, index } => turn.step(Answer::Node(node(app, flow, index))),
                Effect::Config => turn.step(Answer::Config(&config)),
                Effect::Texts { locale, keys } => {
                    let texts = keys.iter().map(|key| self.outside.text(&locale, key)).collect();
                    turn.step(Answer::Texts(texts))
                }
                Effect::Invoke { component, operation, content, .. } => {
                    turn.step(Answer::Invoked(self.outside.invoke(&component, &operation, &content)))
                }
                Effect::Http(request) => turn.step(Answer::Http(self.outside.http(&request))),
                Effect::Sleep { ms } => {
                    self.wait(u64::from(ms));
                    turn.step(Answer::Slept)
                }
                Effect::Done(ending) => return ending,
            };
        }
    }

    fn message(&self, act: &Act) -> Message {
        let said = Message {
            delivery_id: format!("turn-{}", self.turns),
            kind: MessageKind::Message,
            conversation: "conversation".to_owned(),
            thread: None,
            user: self.speaker.user.clone(),
            user_name: None,
            message_id: Some(self.turns.to_string()),
            text: String::new(),
            action: None,
            command: None,
            attachments: Vec::new(),
            locale: self.speaker.locale.clone(),
            timestamp: self.now_ms,
            starts_turn: true,
            reply_context: None,
            acknowledgement: None,
        };
        match act {
            Act::Say(text) => Message { text: text.clone(), ..said },
            Act::Press(value) => {
                // Channels that have no id of their own for a control name it by what it carries.
                let action = Action { id: value.clone(), value: value.clone() };
                Message { kind: MessageKind::Interaction, action: Some(action), ..said }
            }
            Act::Command { name, rest } => {
                let command = format!("/{}", name.to_lowercase());
                Message { kind: MessageKind::Command, command: Some(command), text: rest.clone(), ..said }
            }
            Act::Event { event_type, payload } => {
                let (command, text) = (Some(event_type.clone()), payload.clone());
                Message { kind: MessageKind::Event, command, text, ..said }
            }
        }
    }
}

fn entry(app: &App, place: usize) -> Option<EntryRef<'_>> {
    let (key, compiled) = app.flows.get(place)?;
    let flow = u32::try_from(place).ok()?;
    Some(EntryRef { flow, name: key, pack_version: PACK_VERSION, head: &compiled.head })
}

fn node(app: &App, flow: u32, index: u32) -> Option<&[u8]> {
    let (_, compiled) = app.flows.get(usize::try_from(flow).ok()?)?;
    compiled.nodes.get(usize::try_from(index).ok()?).map(Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use super::*;
    use greentic_flow::{Context, compile};

    struct Nothing;

    impl Outside for Nothing {
        fn invoke(&mut self, _: &str, _: &str, content: &str) -> Result<Option<String>, Failure> {
            Ok(Some(content.to_uppercase()))
        }

        fn http(&mut self, _: &HttpRequest) -> Result<HttpResponse, HttpFailure> {
            Ok(HttpResponse { status: 204, headers: Vec::new(), body: Vec::new() })
        }

        fn text(&self, locale: &str, key: &str) -> Option<String> {
            Some(format!("{locale}:{key}"))
        }
    }

    const FLOW: &str = "name: f\nversion: 1\nconfig: {timeout: 1000}\ntriggers:\n  \
        - {type: slash_command, command: shout, target: shout}\n  \
        - {type: event, event_type: tick, target: tick}\n  - {type: default, target: ask}\nnodes:\n  \
        - {id: ask, type: wait, config: {prompt: 'i18n:ask', timeout: 60000, on_timeout: late}, next: greet}\n  \
        - {id: greet, type: reply, config: {message: 'Hi {{node.ask}} of {{config.town}}'}}\n  \
        - {id: late, type: reply, config: {message: Late}}\n  \
        - {id: shout, type: shout, next: say}\n  - {id: say, type: reply, config: {message: '{{prev}}'}}\n  \
        - {id: tick, type: reply, config: {message: 'tick {{event.payload.n}}'}}\n";

    #[test]
    fn a_chat_remembers_waits_and_calls() {
        let context = Context { components: Some(&["shout"]), flows: Some(&["f"]), ..Context::default() };
        let flows = vec![("main".to_owned(), compile(FLOW, &context).unwrap())];
        let config = Value::Map([("town".to_owned(), Value::Text("Bonn".to_owned()))].into());
        let app = App { flows, config };
        assert_eq!((app.place("f"), app.place("main"), app.place("g")), (Some(0), Some(0), None));
        let speaker = Speaker { user: "ada".to_owned(), locale: Some("de".to_owned()) };
        let mut chat = Chat {
            app: &app,
            begin: 0,
            config: &app.config,
            outside: Nothing,
            speaker,
            record: None,
            now_ms: 0,
            seed: 1,
            error_message: "",
            turns: 0,
        };
        let said = |chat: &mut Chat<'_, Nothing>, act: Act| {
            let ending = chat.act(&act);
            assert_eq!(ending.error, None);
            ending.replies.into_iter().map(|reply| reply.text).collect::<Vec<_>>().join("|")
        };
        let say = |text: &str| Act::Say(text.to_owned());
        assert_eq!(said(&mut chat, say("x")), "de:ask");
        assert!(chat.waits());
        let event = Act::Event { event_type: "tick".to_owned(), payload: "{\"n\":3}".to_owned() };
        assert_eq!(said(&mut chat, event), "tick 3");
        assert_eq!(said(&mut chat, say("Ada")), "Hi Ada of Bonn");
        assert!(!chat.waits());
        said(&mut chat, say("x"));
        chat.wait(60_000);
        assert_eq!(said(&mut chat, say("Ada")), "Late");
        let command = Act::Command { name: "shout".to_owned(), rest: "a b".to_owned() };
        assert_eq!(said(&mut chat, command), "A B");
    }
}
