//! `flow graph`: a flow as a drawing, in the words of Mermaid or of Graphviz.
//!
//! Made from the compiled records, so it shows what runs, in whichever dialect that was written. Only what the records no
//! longer have as text, the patterns of triggers, is read from the source. The same flow gives the same drawing.

mod dot;
mod labels;
mod mermaid;

use crate::compile::Compiled;
use crate::expr;
use crate::finding::Findings;
use crate::ir::{Arm, CallMode, Exit, Head, Node, NodeKind, Routing, SearchExit, TriggerKind};
use crate::yaml;
use std::collections::BTreeSet;

/// A flow's nodes and the ways between them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Graph {
    name: String,
    /// By index; an edge names its ends by it.
    nodes: Vec<Drawn>,
    entries: Vec<Entry>,
    edges: Vec<Edge>,
    /// Other flows that this one goes over to for good.
    flows: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Drawn {
    id: String,
    /// What it does, as an author would call it.
    what: String,
    shape: Shape,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Plain,
    /// The user's next message is awaited here.
    Waiting,
    /// Nothing happens but a choice.
    Choice,
    /// Another flow runs meanwhile.
    Call,
}

/// A way into the flow.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    label: String,
    target: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Edge {
    from: u32,
    to: To,
    label: String,
    kind: EdgeKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum To {
    Node(u32),
    End,
    /// Place in [`Graph::flows`].
    Flow(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum EdgeKind {
    Usual,
    /// Taken when something went wrong or did not come.
    Aside,
}

impl Graph {
    /// `text` is what was compiled. None for records that are damaged.
    pub fn of(text: &str, compiled: &Compiled) -> Option<Graph> {
        let head: Head<'_> = minicbor::decode(&compiled.head).ok()?;
        let mut graph = Graph { name: compiled.name.clone(), ..Graph::default() };
        graph.enter(&head, &patterns(text));
        for (index, record) in (0..head.nodes).zip(&compiled.nodes) {
            let node: Node<'_> = minicbor::decode(record).ok()?;
            graph.nodes.push(labels::drawn(&node));
            graph.leave(index, &node);
        }
        Some(graph)
    }

    pub fn mermaid(&self) -> String {
        mermaid::write(self)
    }

    pub fn dot(&self) -> String {
        dot::write(self)
    }

    fn enter(&mut self, head: &Head<'_>, patterns: &[Option<String>]) {
        let mut patterns = patterns.iter();
        for trigger in &head.triggers {
            // The source's list without its `default` is the compiled one without its own.
            let pattern = if trigger.kind == TriggerKind::Default { None } else { patterns.next().cloned().flatten() };
            let label = labels::trigger(trigger, pattern.as_deref());
            self.entries.push(Entry { label, target: trigger.target });
        }
        for entrypoint in head.entrypoints.iter().flatten() {
            let label = format!("entrypoint {}", entrypoint.name.as_str());
            self.entries.push(Entry { label, target: entrypoint.target });
        }
        // Where a call begins, when no trigger begins there.
        if self.entries.iter().all(|entry| entry.target != head.start) {
            self.entries.push(Entry { label: "start".to_owned(), target: head.start });
        }
    }

    fn leave(&mut self, from: u32, node: &Node<'_>) {
        match &node.kind {
            NodeKind::Wait { on_timeout, .. } => self.aside(from, *on_timeout, "timeout"),
            NodeKind::Questions(questions) => self.aside(from, questions.on_timeout, "timeout"),
            NodeKind::Search { targets, .. } => {
                for target in targets {
                    let to = match &target.goes_to {
                        SearchExit::Node(index) => To::Node(*index),
                        SearchExit::Flow(flow) => To::Flow(self.flow(flow)),
                    };
                    self.edge(from, to, target.name.as_str().to_owned(), EdgeKind::Usual);
                }
            }
            NodeKind::Call { flow, mode: CallMode::Goto, .. } => {
                let flow = To::Flow(self.flow(flow));
                self.edge(from, flow, String::new(), EdgeKind::Usual);
            }
            _ => {}
        }
        self.route(from, &node.routing);
        self.aside(from, node.on_error, "error");
    }

    fn route(&mut self, from: u32, routing: &Routing<'_>) {
        match routing {
            Routing::End => {}
            Routing::To(index) => self.edge(from, To::Node(*index), String::new(), EdgeKind::Usual),
            Routing::Arms { arms, .. } => {
                for (place, arm) in arms.iter().enumerate() {
                    let to = match arm.exit {
                        Exit::Node(index) => To::Node(index),
                        Exit::End => To::End,
                    };
                    self.edge(from, to, arm_label(arm, place > 0), EdgeKind::Usual);
                }
            }
        }
    }

    fn aside(&mut self, from: u32, to: Option<u32>, label: &str) {
        if let Some(index) = to {
            self.edge(from, To::Node(index), label.to_owned(), EdgeKind::Aside);
        }
    }

    fn edge(&mut self, from: u32, to: To, label: String, kind: EdgeKind) {
        self.edges.push(Edge { from, to, label, kind });
    }

    /// The place of a flow among those that are gone over to.
    fn flow(&mut self, name: &str) -> usize {
        self.flows.iter().position(|known| known == name).unwrap_or_else(|| {
            self.flows.push(name.to_owned());
            self.flows.len() - 1
        })
    }

    /// Whether any edge leads to the end.
    fn ends(&self) -> bool {
        self.edges.iter().any(|edge| edge.to == To::End)
    }

    /// Targets of triggers, each once.
    fn begins(&self) -> BTreeSet<u32> {
        self.entries.iter().map(|entry| entry.target).collect()
    }
}

fn arm_label(arm: &Arm<'_>, is_later: bool) -> String {
    let mut parts = Vec::new();
    if let Some(condition) = &arm.condition {
        parts.push(expr::show(condition).unwrap_or_else(|| "?".to_owned()));
    }
    if let Some(status) = &arm.status {
        parts.push(format!("status {}", status.as_str()));
    }
    if arm.on_message == Some(true) {
        parts.push("on message".to_owned());
    }
    if parts.is_empty() && is_later {
        parts.push("else".to_owned());
    }
    if arm.reply == Some(true) {
        parts.push("reply".to_owned());
    }
    parts.join(", ")
}

/// Patterns of the triggers but the `default` ones, in the order of the file.
fn patterns(text: &str) -> Vec<Option<String>> {
    let Some(root) = yaml::load(text, &mut Findings::default()) else { return Vec::new() };
    let items = match root.get("triggers").map(|list| &list.content) {
        Some(yaml::Content::List(items)) => items.as_slice(),
        _ => &[],
    };
    let word = |item: &yaml::Node, key: &str| item.get(key).and_then(yaml::Node::as_text).map(str::to_owned);
    items
        .iter()
        .filter(|item| word(item, "type").as_deref() != Some("default"))
        .map(|item| word(item, "pattern"))
        .collect()
}

#[cfg(test)]
mod tests;
