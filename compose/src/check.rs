//! Who may import what. The same rights as in our host (`host/src/engine/linkers.rs`): a component that our host refuses
//! is refused here, and a composed one gets no more than it gets there. Types are compared when linking.

use crate::surface::Surface;
use crate::{ComposeError, Target};

pub const ROUTE: &str = "greentic:edge/route@1.0.0";
pub const PROVIDER: &str = "greentic:edge/provider@1.0.0";
pub const SESSION_STORE: &str = "greentic:edge/session-store@1.0.0";
pub const EGRESS: &str = "greentic:edge/egress@1.0.0";
pub const NODES: &str = "greentic:edge/nodes@1.0.0";
pub const FLOW: &str = "greentic:edge/flow@1.0.0";
pub const SECRETS: &str = "greentic:edge/secrets@1.0.0";
pub const SETTINGS: &str = "greentic:edge/settings@1.0.0";
pub const DEPLOYMENT: &str = "greentic:edge/deployment@1.0.0";
/// The documented export of a node component.
pub const EXECUTE: &str = "execute";
/// What the nodes of other documented worlds export, which our host has bridges to and a composition has not.
pub const BRIDGED: [&str; 2] = ["greentic:mcp/tool@", "greentic:component/component@"];

pub const INCOMING_HANDLER: &str = "wasi:http/incoming-handler";
pub const ENVIRONMENT: &str = "wasi:cli/environment";
pub const PREOPENS: &str = "wasi:filesystem/preopens";

/// What every standard library imports and none can do harm with: environment and preopens are linked to an empty part.
const BASE: [&str; 20] = [
    "wasi:io/error",
    "wasi:io/poll",
    "wasi:io/streams",
    "wasi:clocks/monotonic-clock",
    "wasi:clocks/wall-clock",
    "wasi:random/random",
    "wasi:random/insecure",
    "wasi:random/insecure-seed",
    ENVIRONMENT,
    "wasi:cli/exit",
    "wasi:cli/stdin",
    "wasi:cli/stdout",
    "wasi:cli/stderr",
    "wasi:cli/terminal-input",
    "wasi:cli/terminal-output",
    "wasi:cli/terminal-stdin",
    "wasi:cli/terminal-stdout",
    "wasi:cli/terminal-stderr",
    "wasi:filesystem/types",
    PREOPENS,
];

const WASI_PACKAGES: [&str; 7] =
    ["wasi:io", "wasi:clocks", "wasi:random", "wasi:cli", "wasi:http", "wasi:sockets", "wasi:filesystem"];

const SPIN: [&str; 2] = ["fermyon:spin/redis@2.0.0", "fermyon:spin/variables@2.0.0"];

/// The place of a part in the composition.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    Edge,
    Provider,
    Session,
    Egress,
    Deployment,
    Node,
    EgressTrigger,
    /// Made by this crate.
    Generated,
}

impl Role {
    /// The world of `wit/` that the part is written for.
    pub fn world(self) -> &'static str {
        match self {
            Role::Edge => "edge",
            Role::Provider => "channel-provider",
            Role::Session => "session-adapter",
            Role::Egress => "egress-adapter",
            Role::Deployment => "deployment-adapter",
            Role::Node => "component",
            Role::EgressTrigger => "egress-trigger",
            Role::Generated => "generated",
        }
    }

    fn exports(self) -> &'static [&'static str] {
        match self {
            Role::Edge | Role::EgressTrigger => &[INCOMING_HANDLER],
            Role::Provider => &[PROVIDER],
            Role::Session => &[SESSION_STORE],
            Role::Egress => &[EGRESS],
            Role::Deployment => &[DEPLOYMENT, SECRETS],
            Role::Node => &[EXECUTE],
            Role::Generated => &[],
        }
    }

    /// For parts that may come from others: what they may import beside [`BASE`]. None for our own, whose imports are
    /// bounded by what is linked to them and by the target.
    fn granted(self) -> Option<&'static [&'static str]> {
        match self {
            Role::Provider => Some(&[SECRETS, SETTINGS, "wasi:http/types", "wasi:http/outgoing-handler"]),
            Role::Node => Some(&[]),
            _ => None,
        }
    }

    /// Whether the part may come from others: then a mismatch is its own, else it is the neighbour's.
    pub fn is_foreign(self) -> bool {
        self.granted().is_some()
    }
}

/// Refuses a part that lacks what its world exports, or asks for what its role is not given.
pub fn part(role: Role, name: &str, surface: &Surface) -> Result<(), ComposeError> {
    let is_bridged = |export: &&String| BRIDGED.iter().any(|name| export.starts_with(name));
    if role == Role::Node
        && let Some(interface) = surface.exports.iter().find(is_bridged)
    {
        return Err(ComposeError::NotBridged { part: name.to_owned(), interface: interface.clone() });
    }
    for &wanted in role.exports() {
        if !surface.exports.iter().any(|export| export == wanted || interface(export) == Some(wanted)) {
            let reason = format!("export `{wanted}` is missing");
            return Err(ComposeError::DoesNotFit { part: name.to_owned(), world: role.world(), reason });
        }
    }
    let Some(granted) = role.granted() else {
        return Ok(());
    };
    for import in surface.imports.iter().filter(|import| import.needed) {
        let by_interface =
            interface(&import.name).is_some_and(|interface| BASE.contains(&interface) || granted.contains(&interface));
        if !by_interface && !granted.contains(&import.name.as_str()) {
            let role = if role == Role::Node { "node component" } else { "channel provider" };
            return Err(ComposeError::NotGranted { part: name.to_owned(), import: import.name.clone(), role });
        }
    }
    Ok(())
}

/// Whether the target's host supplies an import that was linked to no part.
pub fn offers(target: Target, import: &str) -> bool {
    match interface(import) {
        Some(interface) => interface.split('/').next().is_some_and(|package| WASI_PACKAGES.contains(&package)),
        None => target == Target::Spin && SPIN.contains(&import),
    }
}

/// `wasi:io/poll` of `wasi:io/poll@0.2.6`. None for all that is not final WASI 0.2: drafts differ between hosts.
pub fn interface(name: &str) -> Option<&str> {
    let (interface, _) = wasi(name)?;
    Some(interface)
}

/// Name and patch level of an interface of WASI 0.2.
pub fn wasi(name: &str) -> Option<(&str, u32)> {
    let (interface, version) = name.split_once('@')?;
    let patch = version.strip_prefix("0.2.")?;
    let is_final = patch.bytes().all(|byte| byte.is_ascii_digit());
    (interface.starts_with("wasi:") && is_final).then_some(interface).zip(patch.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::surface::Import;

    fn surface(imports: &[(&str, bool)], exports: &[&str]) -> Surface {
        Surface {
            imports: imports.iter().map(|(name, needed)| Import { name: (*name).into(), needed: *needed }).collect(),
            exports: exports.iter().map(|name| (*name).into()).collect(),
        }
    }

    #[test]
    fn a_node_may_compute_and_no_more() {
        let fine = surface(
            &[
                ("greentic:component/types@1.0.0", false),
                ("wasi:io/poll@0.2.6", true),
                ("wasi:cli/environment@0.2.99", true),
            ],
            &[EXECUTE],
        );
        assert!(part(Role::Node, "a", &fine).is_ok());
        for import in [
            "wasi:sockets/tcp@0.2.6",
            "wasi:http/outgoing-handler@0.2.6",
            "wasi:io/poll@0.2.0-rc-2023-11-10",
            "wasi:io/poll@0.3.0",
            "wasi:io/poll",
            "greentic:edge/secrets@1.0.0",
            "fermyon:spin/variables@2.0.0",
            "print",
        ] {
            let refused = part(Role::Node, "a", &surface(&[(import, true)], &[EXECUTE])).unwrap_err();
            assert!(matches!(refused, ComposeError::NotGranted { .. }), "{refused}");
            assert!(refused.to_string().contains(import), "{refused}");
        }
    }

    #[test]
    fn a_node_of_another_world_is_told_where_it_runs() {
        for export in ["greentic:mcp/tool@1.0.0", "greentic:component/component@2.0.0"] {
            let refused = part(Role::Node, "a", &surface(&[], &[export])).unwrap_err();
            assert!(matches!(refused, ComposeError::NotBridged { .. }), "{refused}");
            assert!(refused.to_string().contains(export), "{refused}");
        }
    }

    #[test]
    fn a_provider_may_read_its_secrets_and_send() {
        let imports = [(SECRETS, true), (SETTINGS, true), ("wasi:http/outgoing-handler@0.2.12", true)];
        assert!(part(Role::Provider, "p", &surface(&imports, &[PROVIDER])).is_ok());
        for import in [DEPLOYMENT, ROUTE, "greentic:edge/secrets@1.0.1", "wasi:sockets/tcp@0.2.12"] {
            assert!(part(Role::Provider, "p", &surface(&[(import, true)], &[PROVIDER])).is_err(), "{import}");
        }
    }

    #[test]
    fn a_missing_export_is_named() {
        let refused = part(Role::Provider, "telegram", &surface(&[], &["greentic:edge/provider@0.9.0"])).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "component `telegram` does not fit world `channel-provider`: export `greentic:edge/provider@1.0.0` is missing"
        );
        assert!(part(Role::Edge, "edge", &surface(&[], &["wasi:http/incoming-handler@0.2.12"])).is_ok());
    }

    #[test]
    fn targets_offer_what_their_hosts_have() {
        for target in [Target::Spin, Target::WasiHttp] {
            assert!(offers(target, "wasi:sockets/tcp@0.2.12"));
            assert!(!offers(target, "wasi:keyvalue/store@0.2.0"));
            assert!(!offers(target, "wasi:http/types@0.3.0"));
            assert!(!offers(target, ROUTE));
        }
        assert!(offers(Target::Spin, "fermyon:spin/redis@2.0.0"));
        assert!(!offers(Target::WasiHttp, "fermyon:spin/redis@2.0.0"));
        assert!(!offers(Target::Spin, "fermyon:spin/key-value@2.0.0"));
    }
}
