//! What can be said of a flow as a whole: nodes never reached, circles without end, triggers that never fire.

use crate::dialect::Draft;
use crate::finding::Finding;
use crate::ir::{Node, NodeKind, TriggerKind};
use std::collections::BTreeSet;

/// Where a node may lead.
fn successors(node: &Node<'_>) -> impl Iterator<Item = u32> {
    let (arms, other) = match &node.kind {
        NodeKind::Branch { arms, default } => (arms.as_slice(), *default),
        NodeKind::Wait { on_timeout, .. } => (Default::default(), *on_timeout),
        NodeKind::Reply(_) | NodeKind::Template { .. } | NodeKind::State { .. } | NodeKind::Component { .. } => {
            (Default::default(), None)
        }
    };
    arms.iter().map(|arm| arm.next).chain(other).chain(node.next).chain(node.on_error)
}

/// Warnings that need every edge to lead somewhere.
pub fn graph(draft: &Draft, findings: &mut Vec<Finding>) {
    unreachable(draft, findings);
    circles(draft, findings);
}

fn node(draft: &Draft, index: u32) -> Option<&crate::dialect::Placed<Node<'static>>> {
    draft.nodes.get(usize::try_from(index).ok()?)
}

fn unreachable(draft: &Draft, findings: &mut Vec<Finding>) {
    let mut open: Vec<u32> = draft.triggers.iter().map(|trigger| trigger.item.target).collect();
    let mut reached = BTreeSet::new();
    while let Some(index) = open.pop() {
        if reached.insert(index) {
            open.extend(node(draft, index).into_iter().flat_map(|node| successors(&node.item)));
        }
    }
    for (index, node) in (0..).zip(&draft.nodes) {
        if !reached.contains(&index) {
            let message = format!("no trigger leads to the node `{}`", node.item.id.as_str());
            findings.push(Finding::warning("unreachable", node.at, message));
        }
    }
}

/// A circle without a `wait` runs until the limit of nodes ends it, unless a branch leaves it. Walked with a stack of
/// its own: a flow may be a chain of thousands of nodes.
fn circles(draft: &Draft, findings: &mut Vec<Finding>) {
    let mut finished = BTreeSet::new();
    for (start, _) in (0u32..).zip(&draft.nodes) {
        // The way from `start` to here, each node with the successors that are still to be looked at.
        let mut way: Vec<(u32, Vec<u32>)> = Vec::new();
        let mut entered = BTreeSet::new();
        let mut next = Some(start).filter(|start| !finished.contains(start));
        loop {
            if let Some(index) = next.take() {
                entered.insert(index);
                way.push((index, passing_successors(draft, index)));
            }
            let Some((index, open)) = way.last_mut() else { break };
            match open.pop() {
                Some(successor) if entered.contains(&successor) => circle(draft, &way, successor, findings),
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
}

/// Where a node leads within the same turn: a `wait` ends the turn, however it goes on later.
fn passing_successors(draft: &Draft, index: u32) -> Vec<u32> {
    let Some(node) = node(draft, index) else { return Vec::new() };
    match &node.item.kind {
        NodeKind::Wait { .. } => Vec::new(),
        _ => successors(&node.item).collect::<BTreeSet<u32>>().into_iter().collect(),
    }
}

fn circle(draft: &Draft, way: &[(u32, Vec<u32>)], first: u32, findings: &mut Vec<Finding>) {
    let ids: Vec<&str> = way
        .iter()
        .map(|(index, _)| *index)
        .skip_while(|index| *index != first)
        .chain([first])
        .filter_map(|index| Some(node(draft, index)?.item.id.as_str()))
        .collect();
    if let Some(first) = node(draft, first) {
        let message = format!("this circle has no `wait` in it: {}", ids.join(" → "));
        let finding = Finding::warning("endless-cycle", first.at, message);
        findings.push(finding.hint("it ends only by a branch, or by the limit of nodes for one message"));
    }
}

/// A trigger that an earlier one leaves nothing for.
pub fn triggers(draft: &Draft, findings: &mut Vec<Finding>) {
    for (place, later) in draft.triggers.iter().enumerate() {
        let mut earlier = draft.triggers.iter().take(place).map(|earlier| &earlier.item);
        let shadowed = earlier.any(|earlier| {
            earlier.kind == later.item.kind && (earlier.pattern.is_none() || earlier.pattern == later.item.pattern)
        });
        if shadowed {
            let message = "an earlier trigger takes every message that this one would".to_owned();
            let hint = match later.item.kind {
                TriggerKind::Message => "triggers are tried in order; put the one with a pattern first",
                TriggerKind::CallbackQuery | TriggerKind::Default => "one trigger of this type is enough",
            };
            findings.push(Finding::warning("shadowed-trigger", later.at, message).hint(hint));
        }
    }
}
