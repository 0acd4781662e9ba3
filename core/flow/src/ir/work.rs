//! What single types of node keep: requests, prompts, questions, replies.

use super::{Program, Text};
use greentic_types::Value;
use minicbor::{Decode, Encode};

#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub struct Http<'b> {
    /// A template.
    #[b(0)]
    pub method: Program<'b>,
    /// A template.
    #[b(1)]
    pub url: Program<'b>,
    /// A shape that is a map, added to the URL.
    #[b(2)]
    pub query: Option<Program<'b>>,
    #[b(3)]
    pub headers: Vec<Header<'b>>,
    /// A shape.
    #[b(4)]
    pub body: Option<Program<'b>>,
}

#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub struct Header<'b> {
    #[b(0)]
    pub name: Text<'b>,
    #[b(1)]
    pub value: HeaderText<'b>,
}

#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub enum HeaderText<'b> {
    #[n(0)]
    Template(#[b(0)] Program<'b>),
    /// Written as `secret://NAME`, or as that behind a prefix such as `Bearer `. Never what data rendered to.
    #[n(1)]
    Secret {
        #[b(0)]
        prefix: Text<'b>,
        #[b(1)]
        name: Text<'b>,
    },
}

/// A chat completion.
#[derive(Debug, Clone, Default, PartialEq, Encode, Decode)]
pub struct Llm<'b> {
    /// A template.
    #[b(0)]
    pub model: Program<'b>,
    /// A template.
    #[b(1)]
    pub prompt: Option<Program<'b>>,
    /// A template.
    #[b(2)]
    pub system_prompt: Option<Program<'b>>,
    /// A shape that is a list of maps with `role` and `content`.
    #[b(3)]
    pub messages: Option<Program<'b>>,
    #[n(4)]
    pub temperature: Option<f64>,
    #[n(5)]
    pub max_tokens: Option<u32>,
    /// The answer is read as JSON.
    #[n(6)]
    pub json: bool,
    #[b(7)]
    pub tools: Option<Vec<Tool<'b>>>,
    /// Rounds of tools before the model has to answer; absent for the default.
    #[n(8)]
    pub max_turns: Option<u32>,
    /// Further requests after one that was refused for a while; absent for the default.
    #[n(9)]
    pub retry_count: Option<u32>,
    /// A template; `config.llm.base_url` when absent.
    #[b(10)]
    pub base_url: Option<Program<'b>>,
    /// Name of the secret; `llm_api_key` when absent.
    #[b(11)]
    pub api_key: Option<Text<'b>>,
}

#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub struct Tool<'b> {
    #[b(0)]
    pub name: Text<'b>,
    #[b(1)]
    pub description: Text<'b>,
    /// JSON Schema of its arguments, as JSON.
    #[b(2)]
    pub parameters: Text<'b>,
    /// What is called with the arguments. Absent: the call is the node's result, for the flow to carry out.
    #[b(3)]
    pub component: Option<Text<'b>>,
    /// Empty for a component that has just one.
    #[b(4)]
    pub operation: Option<Text<'b>>,
}

#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub struct SearchTarget<'b> {
    /// As the index names it.
    #[b(0)]
    pub name: Text<'b>,
    #[b(1)]
    pub goes_to: SearchExit<'b>,
}

#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub enum SearchExit<'b> {
    #[n(0)]
    Node(#[n(0)] u32),
    /// Another flow, as by `flow.goto`.
    #[n(1)]
    Flow(#[b(0)] Text<'b>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum CallMode {
    /// The called flow's last result is this node's.
    #[n(0)]
    Return,
    /// The called flow takes this one's place.
    #[n(1)]
    Goto,
    /// The called flow runs when this one is over.
    #[n(2)]
    After,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(index_only)]
pub enum LogLevel {
    #[n(0)]
    Debug,
    #[n(1)]
    Info,
    #[n(2)]
    Warn,
    #[n(3)]
    Error,
}

/// Questions that are asked one after another. The result is a map of the answers by their ids.
#[derive(Debug, Clone, Default, PartialEq, Encode, Decode)]
pub struct Questions<'b> {
    #[b(0)]
    pub questions: Vec<Question<'b>>,
    /// A template, said before the first question.
    #[b(1)]
    pub welcome: Option<Program<'b>>,
    /// For each answer.
    #[n(2)]
    pub timeout_ms: Option<u64>,
    #[n(3)]
    pub on_timeout: Option<u32>,
}

#[derive(Debug, Clone, Default, PartialEq, Encode, Decode)]
pub struct Question<'b> {
    #[b(0)]
    pub id: Text<'b>,
    /// A template.
    #[b(1)]
    pub prompt: Program<'b>,
    #[n(2)]
    pub answer_type: AnswerType,
    /// Without it, an empty answer takes the default, or null.
    #[n(3)]
    pub required: bool,
    /// Offered as buttons; the answer is one of them.
    #[b(4)]
    pub choices: Option<Vec<Choice<'b>>>,
    #[n(5)]
    pub default: Option<Value>,
    /// A sparse DFA, see `pattern`.
    #[b(6)]
    pub pattern: Option<Program<'b>>,
    #[n(7)]
    pub max_words: Option<u32>,
    /// Of a number.
    #[n(8)]
    pub min: Option<f64>,
    #[n(9)]
    pub max: Option<f64>,
    /// Characters of a text.
    #[n(10)]
    pub min_length: Option<u32>,
    #[n(11)]
    pub max_length: Option<u32>,
    /// A template, said in place of the reason why an answer was not taken.
    #[b(12)]
    pub error: Option<Program<'b>>,
    /// An expression; when it is false the question is not asked.
    #[b(13)]
    pub when: Option<Program<'b>>,
}

#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub struct Choice<'b> {
    /// A template.
    #[b(0)]
    pub label: Program<'b>,
    #[b(1)]
    pub value: Text<'b>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum AnswerType {
    #[default]
    #[n(0)]
    Text,
    #[n(1)]
    Number,
    #[n(2)]
    Integer,
    #[n(3)]
    Boolean,
    /// `YYYY-MM-DD`.
    #[n(4)]
    Date,
    #[n(5)]
    Email,
    /// One of `choices`.
    #[n(6)]
    Choice,
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
