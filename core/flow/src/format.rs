//! `flow fmt`: a flow written again in the one canonical way, in its own dialect or in the other.
//!
//! Within a dialect, only the YAML has to be good: aliases of keys become the right keys, keys get the order of the
//! reference, comments stay with what they stand at. Into the other dialect the flow has to be without errors, and the
//! result is compiled and compared: a conversion that changes a flow is refused rather than written.

use crate::compile::{Compiled, Context, compile};
use crate::dialect::{Dialect, canonical, convert};
use crate::finding::{Finding, Findings, Position};
use crate::yaml;

/// The flow's text anew; into `to` where that is another dialect. Comments are kept, between dialects as near to their
/// place as there is one.
pub fn format(text: &str, to: Option<Dialect>) -> Result<String, Vec<Finding>> {
    let mut findings = Findings::default();
    let Some((root, comments)) = yaml::load_with_comments(text, &mut findings).filter(|_| !findings.failed()) else {
        return Err(findings.into_sorted());
    };
    let from = Dialect::of(&root);
    let root = canonical(&root, from);
    let Some(to) = to.filter(|to| *to != from) else { return Ok(yaml::write(&root, &comments)) };
    let before = compile(text, &Context::default())?;
    let converted = canonical(&convert(&root, to, &mut findings), to);
    if findings.failed() {
        return Err(findings.into_sorted());
    }
    let written = yaml::write(&converted, &comments);
    match compile(&written, &Context::default()) {
        Ok(after) if same(&before, &after) => Ok(written),
        _ => {
            let message = format!("this flow can't be said as a {} in the same way", to.as_str());
            Err(vec![Finding::error("not-convertible", Position::START, message)])
        }
    }
}

/// Whether two flows are the same but for where things stand in their texts, which is the last record.
fn same(a: &Compiled, b: &Compiled) -> bool {
    let nodes = |flow: &Compiled| flow.nodes.split_last().map(|(_, nodes)| nodes.to_vec());
    a.head == b.head && nodes(a) == nodes(b)
}
