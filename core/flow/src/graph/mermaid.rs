//! Mermaid's flowcharts (<https://mermaid.js.org/syntax/flowchart.html>), as Markdown viewers draw them.

use super::labels::line;
use super::{Drawn, EdgeKind, Graph, Shape, To};
use std::fmt::Write;

pub fn write(graph: &Graph) -> String {
    let mut out = format!("---\ntitle: {}\n---\nflowchart TD\n", serde_json::Value::from(line(&graph.name)));
    // Writing to a text can't fail.
    let _ = lines(graph, &mut out);
    out
}

fn lines(graph: &Graph, out: &mut String) -> std::fmt::Result {
    for (place, entry) in graph.entries.iter().enumerate() {
        writeln!(out, "  t{place}{}", shaped("([", &escaped(&entry.label), "])"))?;
    }
    for (index, node) in graph.nodes.iter().enumerate() {
        writeln!(out, "  n{index}{}", node_shape(node))?;
    }
    for (place, flow) in graph.flows.iter().enumerate() {
        writeln!(out, "  f{place}{}", shaped("[[", &escaped(&format!("flow {flow}")), "]]"))?;
    }
    if graph.ends() {
        writeln!(out, "  over((end))")?;
    }
    for (place, entry) in graph.entries.iter().enumerate() {
        writeln!(out, "  t{place} --> n{}", entry.target)?;
    }
    for edge in &graph.edges {
        let arrow = match edge.kind {
            EdgeKind::Usual => "-->",
            EdgeKind::Aside => "-.->",
        };
        let label = if edge.label.is_empty() { String::new() } else { format!("|\"{}\"|", escaped(&edge.label)) };
        let to = match edge.to {
            To::Node(index) => format!("n{index}"),
            To::Flow(place) => format!("f{place}"),
            To::End => "over".to_owned(),
        };
        writeln!(out, "  n{} {arrow}{label} {to}", edge.from)?;
    }
    if !graph.entries.is_empty() {
        let names: Vec<String> = (0..graph.entries.len()).map(|place| format!("t{place}")).collect();
        writeln!(out, "  classDef entry stroke-dasharray: 4 3\n  class {} entry", names.join(","))?;
    }
    Ok(())
}

fn node_shape(node: &Drawn) -> String {
    let label = format!("<b>{}</b><br/>{}", escaped(&node.id), escaped(&node.what));
    match node.shape {
        Shape::Plain => shaped("[", &label, "]"),
        Shape::Waiting => shaped("(", &label, ")"),
        Shape::Choice => shaped("{", &label, "}"),
        Shape::Call => shaped("[[", &label, "]]"),
    }
}

fn shaped(open: &str, label: &str, close: &str) -> String {
    format!("{open}\"{label}\"{close}")
}

/// Mermaid has codes of its own, `#name;`, and reads HTML. What is not a letter, a digit or harmless is written as one.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in line(text).chars() {
        match c {
            c if c.is_alphanumeric() || " .,:-_/=?!()'…".contains(c) => out.push(c),
            c => out.push_str(&format!("#{};", u32::from(c))),
        }
    }
    out
}
