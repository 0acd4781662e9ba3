//! What can be said of a flow as a whole: nodes never reached, circles without end, triggers that never fire, names that
//! nobody sets or reads. Linear in the size of the flow.

use crate::data::{ROOTS, YIELDING_ROOTS};
use crate::dialect::{Draft, Loader, Placed};
use crate::finding::{Finding, Findings};
use crate::ir::{Exit, Node, NodeKind, Routing, SearchExit, TriggerKind};
use greentic_types::nearest;
use std::collections::{BTreeMap, BTreeSet};

/// Names that are looked for to make a hint: each costs a walk over all names.
const MAX_HINTS: usize = 20;

/// Where a node may lead.
fn successors(node: &Node<'_>) -> Vec<usize> {
    let mut targets: Vec<u32> = node.on_error.into_iter().collect();
    match &node.routing {
        Routing::End => {}
        Routing::To(index) => targets.push(*index),
        Routing::Arms { arms, .. } => targets.extend(arms.iter().filter_map(|arm| match arm.exit {
            Exit::Node(index) => Some(index),
            Exit::End => None,
        })),
    }
    match &node.kind {
        NodeKind::Wait { on_timeout, .. } => targets.extend(on_timeout),
        NodeKind::Questions(questions) => targets.extend(questions.on_timeout),
        NodeKind::Search { targets: found, .. } => {
            targets.extend(found.iter().filter_map(|target| match &target.goes_to {
                SearchExit::Node(index) => Some(*index),
                SearchExit::Flow(_) => None,
            }));
        }
        _ => {}
    }
    targets.sort_unstable();
    targets.dedup();
    targets.into_iter().filter_map(|index| usize::try_from(index).ok()).collect()
}

/// Whether a turn ends at the node, however it goes on later.
fn waits(node: &Node<'_>) -> bool {
    match &node.kind {
        NodeKind::Wait { .. } | NodeKind::Questions(_) => true,
        _ => matches!(node.routing, Routing::Arms { waits: true, .. }),
    }
}

/// Warnings that need every edge to lead somewhere.
pub fn graph(draft: &Draft, findings: &mut Findings) {
    unreachable(draft, findings);
    let edges: Vec<Vec<usize>> =
        draft.nodes.iter().map(|node| if waits(&node.item) { Vec::new() } else { successors(&node.item) }).collect();
    for circle in circles(edges.len(), &|index| edges.get(index).cloned().unwrap_or_default()) {
        let ids: Vec<&str> = circle.iter().filter_map(|index| Some(node(draft, *index)?.item.id.as_str())).collect();
        let Some(first) = circle.first().and_then(|first| node(draft, *first)) else { continue };
        let message = format!("this circle has no `wait` in it: {}", way(&ids));
        let finding = Finding::warning("endless-cycle", first.at, message);
        findings.push(finding.hint("it ends only by a branch, or by the limit of nodes for one message"));
    }
}

/// The nodes of a circle, the middle of a long one left out.
fn way(ids: &[&str]) -> String {
    const SHOWN: usize = 12;
    match ids.split_at_checked(SHOWN) {
        Some((first, rest)) if rest.len() > 1 => {
            format!("{} → … → {}", first.join(" → "), rest.last().copied().unwrap_or_default())
        }
        _ => ids.join(" → "),
    }
}

fn node(draft: &Draft, index: usize) -> Option<&Placed<Node<'static>>> {
    draft.nodes.get(index)
}

fn unreachable(draft: &Draft, findings: &mut Findings) {
    let entrypoints = draft.entrypoints.iter().flatten().map(|entrypoint| entrypoint.target);
    let triggers = draft.triggers.iter().map(|trigger| trigger.item.target);
    let mut open: Vec<usize> =
        triggers.chain(entrypoints).chain([draft.start]).filter_map(|index| usize::try_from(index).ok()).collect();
    let mut reached = BTreeSet::new();
    while let Some(index) = open.pop() {
        if reached.insert(index) {
            open.extend(node(draft, index).into_iter().flat_map(|node| successors(&node.item)));
        }
    }
    for (index, node) in (0..).zip(&draft.nodes) {
        if !reached.contains(&index) {
            let message = format!("nothing leads to the node `{}`", node.item.id.as_str());
            findings.push(Finding::warning("unreachable", node.at, message));
        }
    }
}

/// Circles in a graph, each as the way round with its first node again at the end; one for each edge that closes one.
/// Walked with a stack of its own: a flow may be a chain of thousands of nodes.
pub fn circles(count: usize, successors: &dyn Fn(usize) -> Vec<usize>) -> Vec<Vec<usize>> {
    /// A flow in which everything leads everywhere has more circles than anyone reads.
    const MAX: usize = 50;
    let mut found = Vec::new();
    let mut finished = BTreeSet::new();
    for start in 0..count {
        // The way from `start` to here, each node with the successors that are still to be looked at.
        let mut way: Vec<(usize, Vec<usize>)> = Vec::new();
        let mut entered = BTreeSet::new();
        let mut next = Some(start).filter(|start| !finished.contains(start));
        loop {
            if let Some(index) = next.take() {
                entered.insert(index);
                way.push((index, successors(index)));
            }
            let Some((index, open)) = way.last_mut() else { break };
            match open.pop() {
                Some(successor) if entered.contains(&successor) => {
                    let round = way.iter().map(|(index, _)| *index).skip_while(|index| *index != successor);
                    found.push(round.chain([successor]).collect());
                    if found.len() >= MAX {
                        return found;
                    }
                }
                Some(successor) if !finished.contains(&successor) => next = Some(successor),
                Some(_) => {}
                None => {
                    entered.remove(index);
                    finished.insert(*index);
                    way.pop();
                }
            }
        }
    }
    found
}

/// A trigger that an earlier one leaves nothing for.
pub fn triggers(draft: &Draft, findings: &mut Findings) {
    // What stands under a kind and a name already: everything, or these patterns.
    type Taken<'t> = (bool, BTreeSet<&'t [u8]>);
    let mut taken: BTreeMap<(u8, Option<&str>), Taken<'_>> = BTreeMap::new();
    for later in &draft.triggers {
        let item = &later.item;
        let kind = item.kind as u8;
        let name = item.name.as_deref();
        let pattern = item.pattern.as_deref();
        // A timer is no filter: each fires by itself.
        if item.kind == TriggerKind::Timer {
            continue;
        }
        let shadowed = [name, None].into_iter().any(|name| {
            taken
                .get(&(kind, name))
                .is_some_and(|(all, patterns)| *all || pattern.is_some_and(|pattern| patterns.contains(pattern)))
        });
        if shadowed {
            let message = "an earlier trigger takes every message that this one would".to_owned();
            let hint = match item.kind {
                TriggerKind::Message => "triggers are tried in order; put the one with a pattern first",
                _ => "one trigger of this type is enough",
            };
            findings.push(Finding::warning("shadowed-trigger", later.at, message).hint(hint));
        }
        let (all, patterns) = taken.entry((kind, name)).or_default();
        match pattern {
            Some(pattern) => {
                patterns.insert(pattern);
            }
            None => *all = true,
        }
    }
}

/// Names that are read and never set, and results that are kept and never read.
pub fn names(draft: &Draft, loader: &mut Loader<'_>) {
    let ids: BTreeSet<&str> = draft.nodes.iter().map(|node| node.item.id.as_str()).collect();
    let defaults: BTreeSet<&str> = draft.nodes.iter().filter_map(|node| node.item.kind.default_output()).collect();
    let mut findings = Vec::new();
    for (root, second, at) in loader.reads.paths() {
        let message = match (root, second) {
            ("flow" | "vars", Some(name)) if !loader.variables.contains(name) && name != "length" => {
                format!("nothing in this flow sets the variable `{name}`")
            }
            ("node", Some(id)) if !ids.contains(id) => format!("there is no node `{id}`"),
            ("parameters", Some(name)) if !loader.parameters.contains_key(name) => {
                format!("the flow has no parameter `{name}`")
            }
            _ if ROOTS.contains(&root) || YIELDING_ROOTS.contains(&root) => continue,
            _ if loader.outputs.contains_key(root) || defaults.contains(root) || ids.contains(root) => continue,
            _ => format!("nothing in this flow sets `{root}`"),
        };
        let known = loader.outputs.keys().map(String::as_str).chain(ROOTS).chain(defaults.iter().copied());
        let near = if findings.len() < MAX_HINTS { nearest(root, known).filter(|near| *near != root) } else { None };
        let finding = Finding::warning("unset-variable", at, message);
        findings.push(finding.maybe_hint(near.map(|near| format!("did you mean `{near}`?"))));
    }
    for (name, at) in &loader.outputs {
        if !loader.reads.mentions(name) {
            let message = format!("nothing in this flow reads the output `{name}`");
            findings.push(Finding::warning("unread-output", *at, message));
        }
    }
    for finding in findings {
        loader.findings.push(finding);
    }
}
