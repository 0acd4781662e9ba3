//! The intermediate representation: one CBOR record for a flow's head, one for each node, one for their lines.
//!
//! It knows no dialect: whatever both can say has the same bytes, so source positions are not in the nodes' records but
//! in one of their own, at the index after the last node (see [`Lines`]). It is read only when a turn fails.
//!
//! Records are decoded in place: text and programs borrow from the record's bytes, so reaching a node costs no copy of
//! what it does not use. Templates, expressions and shapes stay unread byte strings ([`Program`]) until they run. The
//! records are flat: nothing here nests by recursion, so no bytes can exhaust a guest's small stack.
//!
//! The same flow gives the same bytes: no hash map, clock or random number takes part.

mod work;

pub use work::{
    AnswerType, Attachment, Button, CallMode, Choice, Header, HeaderText, Http, Llm, LogLevel, Question, Questions,
    Reply, SearchExit, SearchTarget, StateAction, Tool,
};

use greentic_types::Value;
use minicbor::{Decode, Decoder, Encode, Encoder, decode, encode};
use std::borrow::Cow;
use std::ops::Deref;

/// Version of what is written here. An engine refuses a head with another one.
pub const IR_VERSION: u32 = 2;

/// Text that borrows from the record it was decoded from.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Text<'b>(pub Cow<'b, str>);

impl Text<'_> {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Text<'static> {
    fn from(text: &str) -> Self {
        Text(Cow::Owned(text.to_owned()))
    }
}

impl<C> Encode<C> for Text<'_> {
    fn encode<W: encode::Write>(&self, e: &mut Encoder<W>, _: &mut C) -> Result<(), encode::Error<W::Error>> {
        e.str(&self.0)?.ok()
    }
}

impl<'a, 'b: 'a, C> Decode<'b, C> for Text<'a> {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
        Ok(Text(Cow::Borrowed(d.str()?)))
    }
}

/// A template, an expression, a shape or a pattern, already parsed, as bytes that only its own module reads.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Program<'b>(pub Cow<'b, [u8]>);

impl Deref for Program<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl From<Vec<u8>> for Program<'static> {
    fn from(bytes: Vec<u8>) -> Self {
        Program(Cow::Owned(bytes))
    }
}

impl<C> Encode<C> for Program<'_> {
    fn encode<W: encode::Write>(&self, e: &mut Encoder<W>, _: &mut C) -> Result<(), encode::Error<W::Error>> {
        e.bytes(&self.0)?.ok()
    }
}

impl<'a, 'b: 'a, C> Decode<'b, C> for Program<'a> {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
        Ok(Program(Cow::Borrowed(d.bytes()?)))
    }
}

/// What is needed before any node runs.
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub struct Head<'b> {
    #[n(0)]
    pub ir_version: u32,
    #[b(1)]
    pub name: Text<'b>,
    /// Nodes of the flow. The record at this index holds their lines.
    #[n(2)]
    pub nodes: u32,
    /// Where a flow that is called begins, and one that no trigger chose.
    #[n(3)]
    pub start: u32,
    /// In the order they are tried: as in the file, `default` last.
    #[b(4)]
    pub triggers: Vec<Trigger<'b>>,
    /// `flow.*` as a new run finds it, a map.
    #[n(5)]
    pub variables: Value,
    /// Whether any template, expression or script may read `config.*`: the host is not asked for it otherwise.
    #[n(6)]
    pub uses_config: bool,
    /// `parameters.*`, a map.
    #[n(7)]
    pub parameters: Option<Value>,
    /// Other ways in that a call may name, besides `start`.
    #[b(8)]
    pub entrypoints: Option<Vec<Entrypoint<'b>>>,
    /// Variables that the input of a call has to give (`vars_init.<name>.required`).
    #[b(9)]
    pub required: Option<Vec<Text<'b>>>,
    /// `log` nodes below it say nothing.
    #[n(10)]
    pub log_level: Option<LogLevel>,
}

#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub struct Entrypoint<'b> {
    #[b(0)]
    pub name: Text<'b>,
    #[n(1)]
    pub target: u32,
}

#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub struct Trigger<'b> {
    #[n(0)]
    pub kind: TriggerKind,
    #[n(1)]
    pub target: u32,
    /// A sparse DFA, see `pattern`. Of a message's text, or of what a control carries.
    #[b(2)]
    pub pattern: Option<Program<'b>>,
    /// The command without `/`, the type of the event, the id of the control, or the timer's cron expression as written.
    #[b(3)]
    pub name: Option<Text<'b>>,
    /// Of a timer: its time zone; UTC when absent.
    #[b(4)]
    pub timezone: Option<Text<'b>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum TriggerKind {
    /// Words, or a command, that a user wrote.
    #[n(0)]
    Message,
    /// A button, menu or card that a user worked.
    #[n(1)]
    CallbackQuery,
    /// Whatever no other trigger took.
    #[n(2)]
    Default,
    #[n(3)]
    Event,
    #[n(4)]
    Timer,
    /// A control in a Slack block; what `CallbackQuery` is elsewhere.
    #[n(5)]
    BlockAction,
    #[n(6)]
    SlashCommand,
    /// A channel is being set up.
    #[n(7)]
    Setup,
}

/// The line of each node in its source file, by index, for whoever reads about its failure.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub struct Lines(#[n(0)] pub Vec<u32>);

#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub struct Node<'b> {
    #[b(0)]
    pub id: Text<'b>,
    #[b(1)]
    pub kind: NodeKind<'b>,
    #[b(2)]
    pub routing: Routing<'b>,
    /// Where a failure leads.
    #[n(3)]
    pub on_error: Option<u32>,
    /// Name under which the result is kept beside `node.<id>`; see [`NodeKind::default_output`].
    #[b(4)]
    pub output: Option<Text<'b>>,
    #[b(5)]
    pub extras: Option<Extras<'b>>,
}

/// What few nodes have; a node that has nothing of it has no `Extras` (see [`Extras::if_any`]).
#[derive(Debug, Clone, Default, PartialEq, Encode, Decode)]
pub struct Extras<'b> {
    /// An expression. When it is false the node is passed over, with the status `skipped`.
    #[b(0)]
    pub when: Option<Program<'b>>,
    /// How long one try of a node that reaches out may take.
    #[n(1)]
    pub timeout_ms: Option<u32>,
    #[b(2)]
    pub retry: Option<Retry<'b>>,
    /// A shape that takes the result's place. It reads the result's members by their bare names.
    #[b(3)]
    pub out_map: Option<Program<'b>>,
    /// A shape that takes the place of `error`, and of the result. A node that has it can't fail the flow.
    #[b(4)]
    pub err_map: Option<Program<'b>>,
    /// A shape that is a map: variables of the flow that are set after the node, from its result.
    #[b(5)]
    pub vars_out: Option<Program<'b>>,
    /// Keys of the translated texts that the node's templates show.
    #[b(6)]
    pub texts: Option<Vec<Text<'b>>>,
}

/// Further tries after a failure that may pass.
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub struct Retry<'b> {
    /// Tries after the first.
    #[n(0)]
    pub max: u32,
    /// Pause before the second try; it doubles each time.
    #[n(1)]
    pub backoff_ms: u32,
    /// Codes or kinds of errors that are worth another try; empty for all that may pass.
    #[b(2)]
    pub kinds: Vec<Text<'b>>,
}

#[derive(Debug, Clone, Default, PartialEq, Encode, Decode)]
pub enum Routing<'b> {
    /// The flow is over.
    #[default]
    #[n(0)]
    End,
    #[n(1)]
    To(#[n(0)] u32),
    /// The first that holds is taken. Where none does, the flow is over.
    #[n(2)]
    Arms {
        #[b(0)]
        arms: Vec<Arm<'b>>,
        /// The user's next message decides, not the result alone: some arm is `on_message` or reads `response`.
        #[n(1)]
        waits: bool,
    },
}

/// One way on. An arm that states nothing always holds.
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub struct Arm<'b> {
    #[n(0)]
    pub exit: Exit,
    /// An expression.
    #[b(1)]
    pub condition: Option<Program<'b>>,
    /// `ok`, `error`, `skipped`, or the `status` of the result.
    #[b(2)]
    pub status: Option<Text<'b>>,
    /// Only for words that the user wrote, not for a control that was worked.
    #[n(3)]
    pub on_message: Option<bool>,
    /// The result is said before going on.
    #[n(4)]
    pub reply: Option<bool>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub enum Exit {
    #[n(0)]
    End,
    #[n(1)]
    Node(#[n(0)] u32),
}

/// What a node does. The larger and rarer ones are boxed, so that an ordinary node stays small.
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub enum NodeKind<'b> {
    #[n(0)]
    Reply(#[b(0)] Reply<'b>),
    #[n(1)]
    Template {
        #[b(0)]
        text: Program<'b>,
        /// A shape whose members the template reads by their bare names.
        #[b(1)]
        data: Option<Program<'b>>,
    },
    /// Does nothing and has no result; its routing decides.
    #[n(2)]
    Branch,
    #[n(3)]
    State {
        #[n(0)]
        action: StateAction,
        /// A dotted path below `state`.
        #[b(1)]
        key: Text<'b>,
        /// A shape, for `Set`.
        #[b(2)]
        value: Option<Program<'b>>,
    },
    #[n(4)]
    Wait {
        #[b(0)]
        prompt: Option<Reply<'b>>,
        #[n(1)]
        timeout_ms: Option<u64>,
        #[n(2)]
        on_timeout: Option<u32>,
    },
    /// Also a tool of an MCP component: its operation is the tool's name, its input the parameters.
    #[n(5)]
    Component {
        #[b(0)]
        component: Text<'b>,
        /// Empty for a component that has just one.
        #[b(1)]
        operation: Text<'b>,
        /// A shape; the message's text when absent.
        #[b(2)]
        input: Option<Program<'b>>,
    },
    #[n(6)]
    Script {
        /// Rhai, checked at build (docs/decisions/0006-scripts.md).
        #[b(0)]
        text: Text<'b>,
        /// A shape, what the script knows as `input`; the result before it when absent.
        #[b(1)]
        input: Option<Program<'b>>,
    },
    #[n(7)]
    Http(#[b(0)] Box<Http<'b>>),
    #[n(8)]
    Llm(#[b(0)] Box<Llm<'b>>),
    #[n(9)]
    Event {
        #[b(0)]
        event_type: Program<'b>,
        /// A shape; the result before it when absent.
        #[b(1)]
        payload: Option<Program<'b>>,
    },
    #[n(10)]
    Card {
        /// See `card`.
        #[b(0)]
        card: Program<'b>,
        /// A shape whose members the card reads by their bare names.
        #[b(1)]
        data: Option<Program<'b>>,
        /// A template, said with the card.
        #[b(2)]
        text: Option<Program<'b>>,
    },
    #[n(11)]
    Search {
        /// See `search`.
        #[b(0)]
        index: Program<'b>,
        /// What a hit's target means.
        #[b(1)]
        targets: Vec<SearchTarget<'b>>,
        /// A template of what to search for; the message's text when absent.
        #[b(2)]
        text: Option<Program<'b>>,
    },
    #[n(12)]
    Call {
        #[b(0)]
        flow: Text<'b>,
        #[b(1)]
        entrypoint: Option<Text<'b>>,
        /// A shape, what the called flow knows as `input`.
        #[b(2)]
        input: Option<Program<'b>>,
        /// The called flow begins with this one's variables.
        #[n(3)]
        pass_context: bool,
        #[n(4)]
        mode: CallMode,
    },
    /// Data as a reply: a text, or a map with the members of a reply.
    #[n(13)]
    Emit {
        #[b(0)]
        payload: Program<'b>,
    },
    #[n(14)]
    Log {
        #[n(0)]
        level: LogLevel,
        #[b(1)]
        message: Program<'b>,
        /// A shape that is a map.
        #[b(2)]
        fields: Option<Program<'b>>,
    },
    /// Settings for the rest of the turn: a shape that is a map, laid over `config`.
    #[n(15)]
    Config {
        #[b(0)]
        values: Program<'b>,
    },
    /// Fails.
    #[n(16)]
    Error {
        /// `error.code`; `raised` when absent.
        #[b(0)]
        code: Option<Text<'b>>,
        #[b(1)]
        message: Program<'b>,
    },
    #[n(17)]
    Questions(#[b(0)] Box<Questions<'b>>),
    #[n(18)]
    Variable {
        /// A dotted path below `flow`.
        #[b(0)]
        name: Text<'b>,
        /// A shape.
        #[b(1)]
        value: Program<'b>,
    },
}

impl NodeKind<'_> {
    /// The documented name of a result whose node names none.
    pub fn default_output(&self) -> Option<&'static str> {
        match self {
            NodeKind::Script { .. } => Some("script_result"),
            NodeKind::Http(_) => Some("http_response"),
            NodeKind::Llm(_) => Some("llm_response"),
            _ => None,
        }
    }
}

/// The shortest way to write the same, so that each dialect's loader makes the same bytes.
#[cfg(feature = "compile")]
impl<'b> Routing<'b> {
    pub fn of(mut arms: Vec<Arm<'b>>, waits: bool) -> Routing<'b> {
        let always = |arm: &Arm<'_>| arm.condition.is_none() && arm.status.is_none() && arm.on_message != Some(true);
        let bare = |arm: &Arm<'_>| always(arm) && arm.reply != Some(true);
        // What stands behind an arm that always holds is never reached.
        if let Some(last) = arms.iter().position(always) {
            arms.truncate(last + 1);
        }
        if arms.last().is_some_and(|arm| bare(arm) && arm.exit == Exit::End) {
            arms.pop();
        }
        match arms.as_slice() {
            [] if !waits => Routing::End,
            [arm] if bare(arm) && !waits => match arm.exit {
                Exit::Node(index) => Routing::To(index),
                Exit::End => Routing::End,
            },
            _ => Routing::Arms { arms, waits },
        }
    }
}

#[cfg(feature = "compile")]
impl<'b> Arm<'b> {
    pub fn to(exit: Exit) -> Arm<'b> {
        Arm { exit, condition: None, status: None, on_message: None, reply: None }
    }
}

#[cfg(feature = "compile")]
impl Extras<'_> {
    /// None when there is nothing in it.
    pub fn if_any(self) -> Option<Self> {
        (self != Extras::default()).then_some(self)
    }
}

/// Appends one CBOR item. Writing to a `Vec` can't fail, and no type of ours refuses to be encoded.
#[cfg(feature = "compile")]
pub(crate) fn append<T: Encode<()>>(out: &mut Vec<u8>, item: &T) {
    let written = minicbor::encode(item, out);
    debug_assert!(written.is_ok(), "{written:?}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn node() -> Node<'static> {
        Node {
            id: "ask".into(),
            kind: NodeKind::Wait {
                prompt: Some(Reply {
                    message: Some(vec![1, 2].into()),
                    buttons: vec![vec![Button { label: vec![3].into(), value: None, url: Some(vec![].into()) }]],
                    ..Reply::default()
                }),
                timeout_ms: Some(5),
                on_timeout: None,
            },
            routing: Routing::To(7),
            on_error: None,
            output: Some("answer".into()),
            extras: None,
        }
    }

    #[test]
    fn a_node_comes_back_borrowed() {
        let bytes = minicbor::to_vec(node()).unwrap();
        let back: Node<'_> = minicbor::decode(&bytes).unwrap();
        assert_eq!(back, node());
        assert!(matches!(back.id.0, Cow::Borrowed("ask")));
        assert!(matches!(back.output, Some(Text(Cow::Borrowed("answer")))));
    }

    #[test]
    fn routing_is_written_the_shortest_way() {
        let conditional = |exit| Arm { condition: Some(vec![1].into()), ..Arm::to(exit) };
        let end = || Arm::to(Exit::End);
        let to = |index| Arm::to(Exit::Node(index));
        assert_eq!(Routing::of(vec![], false), Routing::End);
        assert_eq!(Routing::of(vec![end()], false), Routing::End);
        assert_eq!(Routing::of(vec![to(3), to(4)], false), Routing::To(3));
        let both = vec![conditional(Exit::Node(1)), to(2)];
        assert_eq!(Routing::of(both.clone(), false), Routing::Arms { arms: both, waits: false });
        let arms = vec![conditional(Exit::Node(1))];
        assert_eq!(Routing::of(vec![conditional(Exit::Node(1)), end()], false), Routing::Arms { arms, waits: false });
        let said = vec![Arm { reply: Some(true), ..end() }];
        assert_eq!(Routing::of(said.clone(), false), Routing::Arms { arms: said, waits: false });
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..256)) {
            let _ = minicbor::decode::<Node<'_>>(&bytes);
            let _ = minicbor::decode::<Head<'_>>(&bytes);
            let _ = minicbor::decode::<Lines>(&bytes);
        }

        #[test]
        fn no_damage_panics(at in 0usize..64, byte in any::<u8>()) {
            let mut bytes = minicbor::to_vec(node()).unwrap();
            let len = bytes.len();
            bytes[at % len] = byte;
            let _ = minicbor::decode::<Node<'_>>(&bytes);
        }
    }
}
