//! Why a pack can't become a component, in the words of who wrote the pack: the capability, and the flow and node that
//! brought it.

use greentic_compose::{ComposeError, Target};
use greentic_flow::ir::{Node, NodeKind};
use greentic_host::load::PlannedApp;
use greentic_pack::FlowImage;

/// A pack that was refused. The exit status is that of a validation error.
#[derive(Debug)]
pub enum Refused {
    /// A node wants what it is not given.
    Node(String),
    /// Anything else that linking found.
    Composition(ComposeError),
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Refused::Node(reason) => f.write_str(reason),
            Refused::Composition(_) => f.write_str("the pack does not compose"),
        }
    }
}

impl std::error::Error for Refused {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Refused::Node(_) => None,
            Refused::Composition(error) => Some(error),
        }
    }
}

impl Refused {
    pub fn new(error: ComposeError, target: Target, app: &PlannedApp) -> Refused {
        let (ComposeError::NotGranted { part, import, .. } | ComposeError::TargetLacks { part, import, .. }) = &error
        else {
            return Refused::Composition(error);
        };
        if !app.components.contains_key(part) {
            return Refused::Composition(error);
        }
        // The version says nothing about the right that is missing.
        let capability = import.split('@').next().unwrap_or(import);
        let (target, places) = (target.name(), places(app, part));
        Refused::Node(format!(
            "component `{part}` needs `{capability}`, which target {target} does not give to a node ({places})"
        ))
    }
}

/// Every node that runs the component.
fn places(app: &PlannedApp, component: &str) -> String {
    let in_flow = |(flow, image): &(String, FlowImage)| {
        nodes(image, component).iter().map(|node| format!("flow `{flow}`, node `{node}`")).collect::<Vec<_>>()
    };
    let places: Vec<String> = app.flows.iter().flat_map(in_flow).collect();
    if places.is_empty() { "no flow uses it: leave it out of the pack".into() } else { places.join("; ") }
}

fn nodes(image: &FlowImage, component: &str) -> Vec<String> {
    let records = (0..).map_while(|index| image.node(index));
    // A record that can't be read is the engine's to report; it names no component here.
    let nodes = records.filter_map(|record| minicbor::decode::<Node<'_>>(record).ok());
    let runs = |node: &Node<'_>| match &node.kind {
        NodeKind::Component { component: wanted, .. } => wanted.as_str() == component,
        _ => false,
    };
    nodes.filter(runs).map(|node| node.id.as_str().to_owned()).collect()
}
