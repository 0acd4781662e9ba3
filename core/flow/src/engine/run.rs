//! What each type of node does.

use super::error::{ErrorKind, Fault};
use super::turn::{Call, Turn, Way};
use super::{Effect, say, session, turn};
use crate::budget::{Budget, MAX_KEY_SEGMENTS, check_depth};
use crate::data::{Datum, Locals, View, json};
use crate::expr;
use crate::ir::{Arm, Node, NodeKind, Reply, StateAction};
use crate::shape::render_shape;
use crate::template::render_value;
use greentic_session::Wait;
use greentic_types::Value;

impl Turn<'_> {
    pub(super) fn run(&mut self, node: &Node<'_>, way: Way) -> Result<Effect, Fault> {
        let mut budget = Budget::default();
        if way.resuming && !matches!(node.kind, NodeKind::Wait { .. }) {
            return Ok(self.restart("the node it waited at is no `wait`"));
        }
        match &node.kind {
            NodeKind::Reply(said) => {
                let text = self.say(said, &mut budget)?;
                self.keep(node, Value::Text(text));
                self.advance(node.next)
            }
            NodeKind::Template { text, data } => {
                let value = self.fill(text, data.as_deref(), &mut budget)?;
                self.keep(node, value);
                self.advance(node.next)
            }
            NodeKind::Branch { arms, default } => {
                let next = self.choose(arms)?.or(*default).or(node.next);
                self.advance(next)
            }
            NodeKind::State { action, key, value } => {
                let result = self.state(*action, key, value.as_deref(), &mut budget)?;
                self.keep(node, result);
                self.advance(node.next)
            }
            NodeKind::Wait { on_timeout, .. } if way.resuming => self.resume(node, *on_timeout),
            NodeKind::Wait { prompt, timeout_ms, .. } => {
                if let Some(prompt) = prompt {
                    self.say(prompt, &mut budget)?;
                }
                Ok(self.wait_at(way.index, *timeout_ms))
            }
            NodeKind::Component { component, operation, input } => {
                let content = self.content(input.as_deref(), &mut budget)?;
                let output = node.output.as_deref().map(str::to_owned);
                self.phase = turn::Phase::Call(Call { output, next: node.next, on_error: node.on_error });
                let (component, operation) = (component.as_str().to_owned(), operation.as_str().to_owned());
                Ok(Effect::Invoke { component, operation, content })
            }
        }
    }

    fn keep(&mut self, node: &Node<'_>, result: Value) {
        self.memory.keep(node.id.as_str().to_owned(), node.output.as_deref().map(str::to_owned), result);
    }

    /// Sends a reply and gives its text. A reply with nothing in it would be refused by every platform.
    fn say(&mut self, said: &Reply<'_>, budget: &mut Budget) -> Result<String, Fault> {
        let Some(reply) = say::reply(said, &self.scope(), budget)? else {
            self.notes.push(format!("node `{}` of flow `{}` had nothing to say", self.at.node, self.flow_name));
            return Ok(String::new());
        };
        let limit = self.inputs.limits.outgoing;
        if self.replies.len() as u64 >= u64::from(limit) {
            return Err(Fault::new(ErrorKind::OutgoingLimit, format!("more than {limit} replies to one message")));
        }
        let text = reply.text.clone();
        self.replies.push(reply);
        Ok(text)
    }

    fn fill(&self, text: &[u8], data: Option<&[u8]>, budget: &mut Budget) -> Result<Value, Fault> {
        let scope = self.scope();
        let data = match data {
            Some(data) => render_shape(data, View::of(&scope), budget)?,
            None => Value::Null,
        };
        let locals = Locals { this: Datum::of(&data), index: None, outer: None };
        let value = render_value(text, View { data: &scope, locals: Some(&locals) }, budget)?;
        check_depth(&value)?;
        Ok(value)
    }

    /// Where the first true condition leads.
    fn choose(&self, arms: &[Arm<'_>]) -> Result<Option<u32>, Fault> {
        let scope = self.scope();
        for arm in arms {
            if expr::condition(&arm.condition, View::of(&scope))? {
                return Ok(Some(arm.next));
            }
        }
        Ok(None)
    }

    fn state(
        &mut self,
        action: StateAction,
        key: &str,
        value: Option<&[u8]>,
        budget: &mut Budget,
    ) -> Result<Value, Fault> {
        // The compiler refuses such keys; walking one recurses, so bytes that it did not make are checked here.
        if key.split('.').count() > MAX_KEY_SEGMENTS {
            return Err(Fault::new(ErrorKind::BadFlow, "a key of `state` has too many segments"));
        }
        let value = match value {
            Some(value) => Some(render_shape(value, View::of(&self.scope()), budget)?),
            None => None,
        };
        Ok(session::act(action, key, value, &mut self.memory, &mut self.session))
    }

    /// The turn ends here; the next message goes on at this very node.
    fn wait_at(&mut self, index: u32, timeout_ms: Option<u64>) -> Effect {
        let deadline_ms = timeout_ms.map(|timeout| self.inputs.now_ms.saturating_add(timeout));
        let frame = session::frame(&self.flow_name, index, &mut self.memory);
        let pack_version = self.pack_version.clone();
        self.finish(Some(Wait { frames: vec![frame], deadline_ms, pack_version }))
    }

    /// The result of a `wait` is what the user answered: words, or the value of the button that was pressed.
    fn resume(&mut self, node: &Node<'_>, on_timeout: Option<u32>) -> Result<Effect, Fault> {
        let deadline = self.wait.as_ref().and_then(|wait| wait.deadline_ms);
        if deadline.is_some_and(|deadline| self.inputs.now_ms >= deadline) {
            return match on_timeout {
                Some(index) => self.go(Way { index, resuming: false }),
                None => Ok(self.restart("its time to answer had passed")),
            };
        }
        let message = self.inputs.message;
        let pressed = message.action.as_ref().map(|action| action.value.as_str()).filter(|_| message.text.is_empty());
        self.keep(node, Value::Text(pressed.unwrap_or(&message.text).to_owned()));
        self.advance(node.next)
    }

    /// What a component is given: text as it is, anything else as JSON, the message's text by default.
    fn content(&self, input: Option<&[u8]>, budget: &mut Budget) -> Result<String, Fault> {
        let Some(input) = input else { return Ok(self.inputs.message.text.clone()) };
        match render_shape(input, View::of(&self.scope()), budget)? {
            Value::Text(text) => Ok(text),
            other => Ok(json(&other)?),
        }
    }
}
