//! Components: any type that is none of the language, `component.exec`, and `provider.invoke`.

use super::{Given, Made};
use crate::dialect::Loader;
use crate::dialect::fields::{Fields, short};
use crate::dialect::programs::BarePaths;
use crate::dialect::table::{Kind, Rest, Table, key};
use crate::finding::{Finding, Position};
use crate::ir::{NodeKind, Program};
use crate::yaml::{Entry, Node};

/// What stands under `config` of a component in a list.
pub static TABLE: Table = Table {
    what: "the config of a component",
    keys: &[key("input", Kind::Data, "What the component is given; the message's text when absent.")],
    rest: Rest::Refused,
};

/// What stands under the operation key of a component in a map: its input, or one that is named so.
pub static PAYLOAD: Table = Table {
    what: "the payload of a component",
    keys: &[
        key("operation", Kind::Text, "The operation, where the key is the component's id."),
        key("input", Kind::Data, "The input. Without it, the other keys are the input."),
    ],
    rest: Rest::Any,
};

pub static EXEC: Table = Table {
    what: "a `component.exec`",
    keys: &[
        key("component", Kind::Text, "The component's id.").required(),
        key("operation", Kind::Text, "What it is to do; absent for one that does just one thing.").or(&["op"]),
        key("input", Kind::Data, "The input. Without it, the other keys are the input."),
    ],
    rest: Rest::Any,
};

pub static PROVIDER: Table = Table {
    what: "a `provider.invoke`",
    keys: &[
        key("provider_id", Kind::Text, "The component that is the provider."),
        key("provider_type", Kind::Text, "The provider's type, which the component is named by."),
        key("op", Kind::Text, "The operation.").required().or(&["operation"]),
        key("input", Kind::Data, "The input."),
        key("in_map", Kind::Data, "The same as `input`."),
    ],
    rest: Rest::Refused,
};

pub fn load_exec(given: &Given<'_>, loader: &mut Loader<'_>) -> Option<Made> {
    let config = &given.config;
    let node = config.get("component")?;
    let component = loader.text(config, "component")?;
    let operation = operation(given, loader);
    let input = input(given, loader);
    check(component, &operation, node.at, loader);
    made(component, &operation, input, loader)
}

/// Providers of the public system are components of other packs, which can't be called here.
pub fn load_provider(given: &Given<'_>, loader: &mut Loader<'_>) -> Option<Made> {
    let config = &given.config;
    let operation = loader.text(config, "op")?.to_owned();
    let input = given.in_map.or_else(|| config.get("input")).or_else(|| config.get("in_map"));
    let input = input.and_then(|node| loader.shape(node));
    let names = ["provider_id", "provider_type"].map(|key| loader.text(config, key));
    let Some(first) = names.into_iter().flatten().next() else {
        loader.error("missing-key", given.at(), "a `provider.invoke` needs the key `provider_id` or `provider_type`");
        return None;
    };
    let component = match loader.context.components {
        None => {
            unverified(first, given.at(), loader);
            first
        }
        Some(known) => {
            let Some(component) = names.into_iter().flatten().find(|name| known.contains(name)) else {
                let message = format!("`{}` is no component of this pack", short(first));
                let hint = "put the provider's component into the pack, or say it with `reply`";
                loader.error_with_hint("not-supported", given.at(), message, hint);
                return None;
            };
            component
        }
    };
    made(component, &operation, input, loader).map(|made| Made { maps_input: true, ..made })
}

/// A type that is none of the language, as `component-id` or `component-id.operation`. `config` is None when the node has
/// none, which in a list means that the message's text is the input.
pub fn load_named(name: &str, named: &Node, config: Option<&Node>, loader: &mut Loader<'_>) -> Option<Made> {
    // Without the pack any name may be a component's, but one that is nearly a type is hardly meant so.
    if loader.context.components.is_none()
        && let Some(near) = loader.nearest(name, super::names())
    {
        let message = format!("there is no node type `{}`", short(name));
        loader.error_with_hint("unknown-type", named.at, message, format!("did you mean `{near}`?"));
        return None;
    }
    let (component, operation) = reference(name, named, loader)?;
    let fields = loader.fields_or_none(config, named.at, &TABLE)?;
    let input = loader.shape_at(&fields, "input");
    made(&component, &operation, input, loader)
}

/// An operation key of a map that is none of the language: an operation of the component that the sidecar binds to the
/// node, or a component's id with or without its operation.
pub fn load_key(
    entry: &Entry,
    bound: Option<&str>,
    first_version: bool,
    given: &Given<'_>,
    loader: &mut Loader<'_>,
) -> Option<Made> {
    let input = input(given, loader);
    let name = entry.key.as_str();
    if let Some(component) = bound {
        check(component, name, entry.at, loader);
        return made(component, name, input, loader);
    }
    let stated = operation(given, loader);
    // In the second version a bare word is an operation, and only the sidecar says of what.
    if !first_version && !name.contains('.') && loader.context.components.is_some_and(|known| !known.contains(&name)) {
        let message = format!("`{}` is an operation, but no component is bound to the node", short(name));
        let hint = match loader.nearest(name, super::names()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "bind one in the flow's `.resolve.json`, or write `component.exec`".to_owned(),
        };
        loader.error_with_hint("unknown-component", entry.at, message, hint);
        return None;
    }
    if !stated.is_empty() {
        check(name, &stated, entry.at, loader);
        return made(name, &stated, input, loader);
    }
    let named = Node { at: entry.at, ..Node::text(name) };
    let (component, operation) = reference(name, &named, loader)?;
    made(&component, &operation, input, loader)
}

/// Splits `component-id.operation` at the last dot, as ids may have dots themselves.
pub fn reference(name: &str, node: &Node, loader: &mut Loader<'_>) -> Option<(String, String)> {
    let Some(known) = loader.context.components else {
        unverified(name, node.at, loader);
        return Some((name.to_owned(), String::new()));
    };
    let split =
        name.rsplit_once('.').filter(|(component, operation)| known.contains(component) && !operation.is_empty());
    match split {
        _ if known.contains(&name) => Some((name.to_owned(), String::new())),
        Some((component, operation)) => {
            check(component, operation, node.at, loader);
            Some((component.to_owned(), operation.to_owned()))
        }
        None => {
            let names: Vec<&str> = super::names().collect();
            let near = loader.nearest(name, names.into_iter().chain(known.iter().copied()));
            let hint = near.map_or_else(
                || "it is no type of the language, and this pack has no such component".to_owned(),
                |near| format!("did you mean `{near}`?"),
            );
            let message = format!("there is no node type `{}`", short(name));
            loader.error_with_hint("unknown-type", node.at, message, hint);
            None
        }
    }
}

fn unverified(component: &str, at: Position, loader: &mut Loader<'_>) {
    let message = format!("without the pack, the component `{}` can't be checked", short(component));
    loader.warning("unverified", at, message);
}

/// Whether the pack has the component, and the component the operation.
pub fn check(component: &str, operation: &str, at: Position, loader: &mut Loader<'_>) {
    let Some(known) = loader.context.components else { return unverified(component, at, loader) };
    if !known.contains(&component) {
        let near = loader.nearest(component, known.iter().copied());
        let message = format!("the pack has no component `{}`", short(component));
        let finding = Finding::error("unknown-component", at, message);
        loader.findings.push(finding.maybe_hint(near.map(|near| format!("did you mean `{near}`?"))));
        return;
    }
    let Some(operations) = loader.context.operations.and_then(|all| all.get(component)) else { return };
    if !operation.is_empty() && !operations.iter().any(|known| known == operation) {
        let near = loader.nearest(operation, operations.iter().map(String::as_str));
        let message = format!("`{component}` has no operation `{}`", short(operation));
        let finding = Finding::error("unknown-operation", at, message);
        loader.findings.push(finding.maybe_hint(near.map(|near| format!("did you mean `{near}`?"))));
    }
}

pub fn made(
    component: &str,
    operation: &str,
    input: Option<Program<'static>>,
    loader: &mut Loader<'_>,
) -> Option<Made> {
    loader.components.insert((component.to_owned(), operation.to_owned()));
    let kind = NodeKind::Component { component: component.into(), operation: operation.into(), input };
    Some(Made { maps_input: true, ..kind.into() })
}

/// `operation` in the payload or beside it; empty when there is none.
fn operation(given: &Given<'_>, loader: &mut Loader<'_>) -> String {
    let inner = loader.text(&given.config, "operation");
    let beside = given.operation.and_then(|node| loader.scalar(node, "`operation`")).map(|scalar| scalar.text.as_str());
    inner.or(beside).unwrap_or_default().to_owned()
}

/// `in_map`, or `input` where it stands alone, or all the other keys.
fn input(given: &Given<'_>, loader: &mut Loader<'_>) -> Option<Program<'static>> {
    if let Some(node) = given.in_map {
        return loader.shape(node);
    }
    let rest = given.config.rest();
    let input = given.config.get("input");
    if let (Some(node), true) = (input, rest.is_empty()) {
        return loader.shape(node);
    }
    if rest.is_empty() {
        return None;
    }
    let named = input.map(|node| ("input", node));
    let members: Vec<(&str, &Node)> =
        rest.iter().map(|entry| (entry.key.as_str(), &entry.value)).chain(named).collect();
    loader.shape_of(members.into_iter(), BarePaths::Text)
}

/// Whether a payload has `routing` in it, as flows of older tools do: nothing would come of it.
pub fn misplaced(fields: &Fields<'_>, loader: &mut Loader<'_>) {
    for entry in fields.rest().into_iter().filter(|entry| entry.key == "routing") {
        let message = "`routing` belongs beside the operation, not into its payload";
        loader.warning("misplaced-key", entry.at, message);
    }
}
