//! The intermediate representation: one CBOR record for a flow's head, one for each node.
//!
//! Records are decoded in place: text and programs borrow from the record's bytes, so reaching a node costs no copy of
//! what it does not use. Templates, expressions and shapes stay unread byte strings ([`Program`]) until they run. The
//! records are flat: nothing here nests by recursion, so no bytes can exhaust a guest's small stack.
//!
//! The same flow gives the same bytes: no hash map, clock or random number takes part.

use greentic_types::Value;
use minicbor::{Decode, Decoder, Encode, Encoder, decode, encode};
use std::borrow::Cow;
use std::ops::Deref;

/// Version of what is written here. An engine refuses a head with another one.
pub const IR_VERSION: u32 = 1;

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
    /// In the order they are tried: as in the file, `default` last.
    #[b(2)]
    pub triggers: Vec<Trigger<'b>>,
    /// `flow.*` as a new run finds it, a map.
    #[n(3)]
    pub variables: Value,
    /// Whether any template or expression reads `config.*`: the host is not asked for it otherwise.
    #[n(4)]
    pub uses_config: bool,
}

#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub struct Trigger<'b> {
    #[n(0)]
    pub kind: TriggerKind,
    /// A sparse DFA, see `pattern`.
    #[b(1)]
    pub pattern: Option<Program<'b>>,
    #[n(2)]
    pub target: u32,
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
}

#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub struct Node<'b> {
    #[b(0)]
    pub id: Text<'b>,
    #[b(1)]
    pub kind: NodeKind<'b>,
    #[n(2)]
    pub next: Option<u32>,
    #[n(3)]
    pub on_error: Option<u32>,
    /// Name under which the result is kept beside `node.<id>`.
    #[b(4)]
    pub output: Option<Text<'b>>,
    /// Where the node stands in its source file, for whoever reads about its failure.
    #[n(5)]
    pub line: u32,
}

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
    #[n(2)]
    Branch {
        #[b(0)]
        arms: Vec<Arm<'b>>,
        #[n(1)]
        default: Option<u32>,
    },
    #[n(3)]
    State {
        #[n(0)]
        action: StateAction,
        /// A dotted path below `state`.
        #[b(1)]
        key: Text<'b>,
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
}

/// What a `reply` says. Every text is a template.
#[derive(Debug, Clone, Default, PartialEq, Encode, Decode)]
pub struct Reply<'b> {
    #[b(0)]
    pub message: Option<Program<'b>>,
    /// Rows of buttons.
    #[b(1)]
    pub buttons: Vec<Vec<Button<'b>>>,
    #[b(2)]
    pub attachments: Vec<Attachment<'b>>,
    #[n(3)]
    pub typing: bool,
    /// A shape that is a map: members meant for the platform as they are.
    #[b(4)]
    pub passthrough: Option<Program<'b>>,
}

#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub struct Button<'b> {
    #[b(0)]
    pub label: Program<'b>,
    /// What comes back when it is pressed; absent for a link.
    #[b(1)]
    pub value: Option<Program<'b>>,
    #[b(2)]
    pub url: Option<Program<'b>>,
}

#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub struct Attachment<'b> {
    #[b(0)]
    pub kind: Program<'b>,
    #[b(1)]
    pub url: Program<'b>,
    #[b(2)]
    pub name: Option<Program<'b>>,
}

#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub struct Arm<'b> {
    #[b(0)]
    pub condition: Program<'b>,
    #[n(1)]
    pub next: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum StateAction {
    #[n(0)]
    Get,
    #[n(1)]
    Set,
    #[n(2)]
    Delete,
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
            next: Some(7),
            on_error: None,
            output: Some("answer".into()),
            line: 12,
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

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..256)) {
            let _ = minicbor::decode::<Node<'_>>(&bytes);
            let _ = minicbor::decode::<Head<'_>>(&bytes);
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
