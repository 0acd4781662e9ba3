//! Graphviz' language (<https://graphviz.org/doc/info/lang.html>).

use super::labels::line;
use super::{EdgeKind, Graph, Shape, To};
use std::fmt::Write;

pub fn write(graph: &Graph) -> String {
    let mut out = format!("digraph {} {{\n", quoted(&graph.name));
    // Writing to a text can't fail.
    let _ = lines(graph, &mut out);
    out.push_str("}\n");
    out
}

fn lines(graph: &Graph, out: &mut String) -> std::fmt::Result {
    out.write_str("  node [shape=box, fontname=\"sans-serif\"];\n  edge [fontname=\"sans-serif\", fontsize=10];\n")?;
    for (place, entry) in graph.entries.iter().enumerate() {
        writeln!(out, "  t{place} [label={}, shape=plaintext];", quoted(&entry.label))?;
    }
    let begins = graph.begins();
    for (index, node) in (0..).zip(&graph.nodes) {
        let shape = match node.shape {
            Shape::Plain => "",
            Shape::Waiting => ", style=rounded",
            Shape::Choice => ", shape=diamond",
            Shape::Call => ", peripheries=2",
        };
        let weight = if begins.contains(&index) { ", penwidth=2" } else { "" };
        // The break is Graphviz' own escape, so it goes in after the quoting.
        let label = format!("\"{}\\n{}\"", escaped(&node.id), escaped(&node.what));
        writeln!(out, "  n{index} [label={label}{shape}{weight}];")?;
    }
    for (place, flow) in graph.flows.iter().enumerate() {
        writeln!(out, "  f{place} [label={}, peripheries=2];", quoted(&format!("flow {flow}")))?;
    }
    if graph.ends() {
        writeln!(out, "  over [label=\"end\", shape=circle];")?;
    }
    for (place, entry) in graph.entries.iter().enumerate() {
        writeln!(out, "  t{place} -> n{} [style=dashed];", entry.target)?;
    }
    for edge in &graph.edges {
        let to = match edge.to {
            To::Node(index) => format!("n{index}"),
            To::Flow(place) => format!("f{place}"),
            To::End => "over".to_owned(),
        };
        let label = (!edge.label.is_empty()).then(|| format!("label={}", quoted(&edge.label)));
        let style = (edge.kind == EdgeKind::Aside).then(|| "style=dotted".to_owned());
        let attributes: Vec<String> = label.into_iter().chain(style).collect();
        let attributes = if attributes.is_empty() { String::new() } else { format!(" [{}]", attributes.join(", ")) };
        writeln!(out, "  n{} -> {to}{attributes};", edge.from)?;
    }
    Ok(())
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", escaped(text))
}

fn escaped(text: &str) -> String {
    line(text).replace('\\', "\\\\").replace('"', "\\\"")
}
