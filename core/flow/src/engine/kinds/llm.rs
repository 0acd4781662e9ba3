//! `llm`: a chat completion. The exchange itself is in `llm`; here are the node's data, and the tools it may call.

use crate::budget::Budget;
use crate::data::{View, json};
use crate::engine::error::{ErrorKind, Fault};
use crate::engine::node::{Outcome, Visit};
use crate::engine::turn::{Phase, Turn, Way};
use crate::engine::{Answer, Effect};
use crate::ir::{Llm, Program, Tool};
use crate::llm::{Ask, DEFAULT_RETRIES, DEFAULT_TURNS, Exchange, LlmError, Next, ToolSpec};
use crate::template::render;
use greentic_types::Value;

/// The secret that holds the service's key where the node names no other.
const API_KEY: &str = "llm_api_key";

/// What the service counted is kept under this name, as if a node had it.
const USAGE: &str = "llm_usage";

/// An exchange under way, with what of its node is needed meanwhile.
#[derive(Debug)]
pub struct Talk {
    exchange: Exchange,
    tools: Vec<Bound>,
    timeout_ms: Option<u32>,
    asked: Asked,
}

#[derive(Debug)]
struct Bound {
    name: String,
    component: String,
    operation: String,
}

#[derive(Debug)]
enum Asked {
    Http,
    Pause,
    Tool,
}

pub fn run(turn: &mut Turn<'_>, visit: &Visit<'_, '_>, node: &Llm<'_>) -> Result<Outcome, Fault> {
    let tools = node.tools.as_deref().unwrap_or_default();
    let ask = Ask { tools: tools.iter().map(spec).collect::<Result<_, _>>()?, ..ask(turn, visit, node)? };
    let (exchange, next) = Exchange::start(ask);
    let tools = tools.iter().filter_map(bound).collect();
    let talk = Talk { exchange, tools, timeout_ms: visit.timeout_ms(), asked: Asked::Http };
    Ok(Outcome::Next(carry(turn, visit.again(), Box::new(talk), next)))
}

pub fn go_on(turn: &mut Turn<'_>, way: Way, mut talk: Box<Talk>, answer: Answer<'_>) -> Result<Effect, Fault> {
    let next = match (&talk.asked, answer) {
        (Asked::Http, Answer::Http(result)) => talk.exchange.answer(result),
        (Asked::Pause, Answer::Slept) => talk.exchange.slept(),
        (Asked::Tool, Answer::Invoked(result)) => {
            let result = result.map(Option::unwrap_or_default);
            talk.exchange.tool(result.map_err(|failure| Fault::from(failure).message))
        }
        _ => return Err(Fault::new(ErrorKind::BadAnswer, "an answer came to a question that was not asked")),
    };
    Ok(carry(turn, way, talk, next))
}

fn carry(turn: &mut Turn<'_>, way: Way, mut talk: Box<Talk>, next: Next) -> Effect {
    let (asked, effect) = match next {
        Next::Http(request) => (Asked::Http, Effect::Http(request)),
        Next::Sleep(ms) => match u32::try_from(ms).ok().and_then(|ms| turn.pauses_ms.checked_sub(ms).zip(Some(ms))) {
            Some((left, ms)) => {
                turn.pauses_ms = left;
                (Asked::Pause, Effect::Sleep { ms })
            }
            None => {
                let detail = format!("the model's service asks for a pause of {ms} ms, longer than a turn may take");
                return turn.ask(way.with(Err(Fault::new(ErrorKind::LlmFailed, detail))));
            }
        },
        Next::Tool { name, arguments } => match talk.invoke(&name, &arguments) {
            Ok(effect) => (Asked::Tool, effect),
            Err(fault) => return turn.ask(way.with(Err(fault))),
        },
        Next::Done(completion) => {
            turn.memory.results.insert(USAGE.to_owned(), completion.usage);
            return turn.ask(way.with(Ok(completion.value)));
        }
        Next::Failed(error) => return turn.ask(way.with(Err(error.into()))),
    };
    talk.asked = asked;
    turn.phase = Phase::Llm(way, talk);
    effect
}

impl Talk {
    fn invoke(&self, name: &str, arguments: &Value) -> Result<Effect, Fault> {
        let Some(tool) = self.tools.iter().find(|tool| tool.name == name) else {
            return Err(Fault::new(ErrorKind::LlmFailed, "the model calls a tool that the node does not have"));
        };
        Ok(Effect::Invoke {
            component: tool.component.clone(),
            operation: tool.operation.clone(),
            content: json(arguments)?,
            timeout_ms: self.timeout_ms,
        })
    }
}

fn ask(turn: &Turn<'_>, visit: &Visit<'_, '_>, node: &Llm<'_>) -> Result<Ask, Fault> {
    let mut budget = Budget::default();
    let scope = turn.scope();
    let mut text = |program: &Option<Program<'_>>| {
        program.as_ref().map(|program| render(program, View::of(&scope), &mut budget)).transpose()
    };
    let (system_prompt, prompt, base_url) = (text(&node.system_prompt)?, text(&node.prompt)?, text(&node.base_url)?);
    let model = render(&node.model, View::of(&scope), &mut budget)?;
    let messages = match turn.shape(node.messages.as_deref(), &mut budget)? {
        Value::List(messages) => messages,
        Value::Null => Vec::new(),
        _ => {
            return Err(Fault::telling(
                ErrorKind::BadRequest,
                "`messages` is a list of maps with `role` and `content`",
            ));
        }
    };
    let configured = || match turn.memory.config.get("llm").and_then(|llm| llm.get("base_url")) {
        Some(Value::Text(url)) => Some(url.clone()),
        _ => None,
    };
    let Some(base_url) = base_url.or_else(configured) else {
        let detail =
            "no address of a model's service: set `llm.base_url` in the app's config, or `base_url` in the node";
        return Err(Fault::new(ErrorKind::BadRequest, detail));
    };
    Ok(Ask {
        base_url,
        api_key: Some(node.api_key.as_deref().unwrap_or(API_KEY).to_owned()),
        model,
        system_prompt,
        messages,
        prompt,
        temperature: node.temperature,
        max_tokens: node.max_tokens,
        json: node.json,
        tools: Vec::new(),
        max_turns: node.max_turns.unwrap_or(DEFAULT_TURNS),
        retry_count: node.retry_count.unwrap_or(DEFAULT_RETRIES),
        timeout_ms: visit.timeout_ms(),
    })
}

fn spec(tool: &Tool<'_>) -> Result<ToolSpec, Fault> {
    let parameters = serde_json::from_str(&tool.parameters)
        .map_err(|error| Fault::new(ErrorKind::BadFlow, format!("the parameters of a tool: {error}")))?;
    let (name, description) = (tool.name.as_str().to_owned(), tool.description.as_str().to_owned());
    Ok(ToolSpec { name, description, parameters, bound: tool.component.is_some() })
}

fn bound(tool: &Tool<'_>) -> Option<Bound> {
    Some(Bound {
        name: tool.name.as_str().to_owned(),
        component: tool.component.as_deref()?.to_owned(),
        operation: tool.operation.as_deref().unwrap_or_default().to_owned(),
    })
}

impl From<LlmError> for Fault {
    fn from(error: LlmError) -> Self {
        let kind = if error.refused { ErrorKind::HttpRefused } else { ErrorKind::LlmFailed };
        Fault { may_pass: error.may_pass, ..Fault::new(kind, error.message) }
    }
}
