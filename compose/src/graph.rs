//! Joins parts into one component: which import is answered by which part, by emptiness, or by the host.

use crate::check::{self, ENVIRONMENT, PREOPENS, Role};
use crate::error::chain;
use crate::generated::{Empty, nothing};
use crate::surface::{Surface, import_names};
use crate::{ComposeError, Composed, Part, Target};
use std::borrow::Cow;
use std::collections::BTreeSet;
use wac_graph::types::Package;
use wac_graph::{CompositionGraph, EncodeOptions, NodeId};
use wasmparser::Validator;

/// A part that was read and may take its place.
pub struct Member<'a> {
    name: &'a str,
    role: Role,
    wasm: Cow<'a, [u8]>,
    surface: Surface,
}

impl<'a> Member<'a> {
    pub fn read(role: Role, part: Part<'a>) -> Result<Member<'a>, ComposeError> {
        let surface = Surface::read(part.name, part.wasm)?;
        check::part(role, part.name, &surface)?;
        Ok(Member { name: part.name, role, wasm: Cow::Borrowed(part.wasm), surface })
    }

    pub fn generated(name: &'a str, wasm: Vec<u8>) -> Result<Member<'a>, ComposeError> {
        let surface = Surface::read(name, &wasm)?;
        Ok(Member { name, role: Role::Generated, wasm: Cow::Owned(wasm), surface })
    }
}

/// Version that generated parts are made for: the newest that a part names, so that theirs is the same instance.
pub fn wasi_version(members: &[&Member<'_>]) -> String {
    let imports = members.iter().flat_map(|member| &member.surface.imports);
    let patch = imports.filter_map(|import| check::wasi(&import.name)).map(|(_, patch)| patch).max();
    format!("0.2.{}", patch.unwrap_or(0))
}

/// A part in its place.
#[derive(Clone, Copy)]
pub struct Placed<'a> {
    instance: NodeId,
    name: &'a str,
    role: Role,
}

/// An import, and whose export answers it.
pub struct Supply<'a> {
    pub import: &'a str,
    pub from: Placed<'a>,
    pub export: &'a str,
}

impl<'a> Supply<'a> {
    /// The import and the export have one name.
    pub fn of(interface: &'a str, from: Placed<'a>) -> Supply<'a> {
        Supply { import: interface, from, export: interface }
    }
}

pub struct Composition {
    target: Target,
    graph: CompositionGraph,
    /// The empty environment and file system, when any part asks for one.
    nothing: Option<(NodeId, String)>,
    /// Interfaces that the host is to supply, without versions.
    left: BTreeSet<String>,
    parts: usize,
}

impl Composition {
    /// `members` are all that will be placed.
    pub fn new(target: Target, members: &[&Member<'_>]) -> Result<Composition, ComposeError> {
        let mut composition =
            Composition { target, graph: CompositionGraph::new(), nothing: None, left: BTreeSet::new(), parts: 0 };
        let mut empty = Empty::default();
        for member in members {
            for import in &member.surface.imports {
                match composition.emptied(member.role, &import.name) {
                    Some(ENVIRONMENT) => empty.environment = true,
                    Some(_) => empty.preopens = true,
                    None => {}
                }
            }
        }
        if empty != Empty::default() {
            let wasi = wasi_version(members);
            let member = Member::generated("nothing", nothing(empty, &wasi)?)?;
            let placed = composition.place(&member, &[])?;
            composition.nothing = Some((placed.instance, wasi));
        }
        Ok(composition)
    }

    /// The interface of an import that gets the empty one. Only what tells of the deployment sees its environment, and
    /// only where that is the environment's variables.
    fn emptied<'n>(&self, role: Role, import: &'n str) -> Option<&'n str> {
        let interface = check::interface(import)?;
        let told = role == Role::Deployment && self.target == Target::WasiHttp;
        ((interface == ENVIRONMENT && !told) || interface == PREOPENS).then_some(interface)
    }

    /// Adds a part. What `supplies` does not name is empty or left to the host, or refused.
    pub fn place<'a>(&mut self, member: &Member<'a>, supplies: &[Supply<'_>]) -> Result<Placed<'a>, ComposeError> {
        // Packages of a graph need names of their own, and two nodes may have one part's bytes.
        let key = format!("part:{}", self.parts);
        let package = Package::from_bytes(&key, None, &*member.wasm, self.graph.types_mut()).map_err(|error| {
            ComposeError::NotAComponent { part: member.name.to_owned(), reason: format!("{error:#}") }
        })?;
        let package = self.graph.register_package(package).map_err(linking)?;
        let placed = Placed { instance: self.graph.instantiate(package), name: member.name, role: member.role };
        self.parts += 1;
        for import in &member.surface.imports {
            if let Some(supply) = supplies.iter().find(|supply| supply.import == import.name) {
                self.supply(placed, supply)?;
            } else if let (Some(interface), Some((nothing, wasi))) =
                (self.emptied(member.role, &import.name), self.nothing.clone())
            {
                let from = Placed { instance: nothing, name: "nothing", role: Role::Generated };
                let export = format!("{interface}@{wasi}");
                self.supply(placed, &Supply { import: &import.name, from, export: &export })?;
            } else if import.needed {
                self.leave(member.name, &import.name)?;
            }
        }
        Ok(placed)
    }

    fn supply(&mut self, to: Placed<'_>, supply: &Supply<'_>) -> Result<(), ComposeError> {
        let export = self.graph.alias_instance_export(supply.from.instance, supply.export).map_err(linking)?;
        self.graph.set_instantiation_argument(to.instance, supply.import, export).map_err(|error| {
            // Our own parts fit each other, so it is the other's.
            let (part, side, name) = if supply.from.role.is_foreign() {
                (supply.from, "export", supply.export)
            } else {
                (to, "import", supply.import)
            };
            let reason = format!("{side} `{name}` differs: {}", chain(&error));
            ComposeError::DoesNotFit { part: part.name.to_owned(), world: part.role.world(), reason }
        })
    }

    fn leave(&mut self, part: &str, import: &str) -> Result<(), ComposeError> {
        if !check::offers(self.target, import) {
            let (import, part) = (import.to_owned(), part.to_owned());
            return Err(ComposeError::TargetLacks { target: self.target.name(), import, part });
        }
        self.left.insert(unversioned(import).to_owned());
        Ok(())
    }

    /// The component, which exports what `front` answers requests by.
    pub fn finish(mut self, front: Placed<'_>, member: &Member<'_>) -> Result<Composed, ComposeError> {
        let is_handler = |export: &&String| check::interface(export) == Some(check::INCOMING_HANDLER);
        let export = member.surface.exports.iter().find(is_handler);
        let export = export.ok_or_else(|| ComposeError::Linking { reason: "nothing answers requests".into() })?;
        let handler = self.graph.alias_instance_export(front.instance, export).map_err(linking)?;
        self.graph.export(handler, export).map_err(linking)?;

        // Validated below, as hosts do: with what is final and nothing else.
        let options = EncodeOptions { define_components: true, validate: false, processor: None };
        let wasm = self.graph.encode(options).map_err(linking)?;
        Validator::new().validate_all(&wasm).map_err(linking)?;
        let mut imports = import_names(&wasm).map_err(linking)?;
        // Names for shapes stay as imports too, and no host has to supply those.
        imports.retain(|import| self.left.contains(unversioned(import)));
        Ok(Composed { wasm, imports, parts: self.parts })
    }
}

/// Parts may name one interface in several versions; linking joins them under the newest.
fn unversioned(import: &str) -> &str {
    import.split_once('@').map_or(import, |(interface, _)| interface)
}

fn linking(error: impl std::error::Error) -> ComposeError {
    ComposeError::Linking { reason: chain(&error) }
}
