//! What a component asks for and what it gives, read from its bytes. Who may ask for what is [`crate::check`]'s.

use crate::ComposeError;
use wasmparser::{Parser, Payload};
use wit_component::DecodedWasm;
use wit_parser::{Resolve, TypeDefKind, WorldItem};

/// Names as they stand in the component, with their versions.
pub struct Surface {
    pub imports: Vec<Import>,
    pub exports: Vec<String>,
}

pub struct Import {
    pub name: String,
    /// Whether somebody has to supply it: it has a function or a resource. What has only other types is a name for
    /// shapes and gives no right.
    pub needed: bool,
}

impl Surface {
    /// `part` is only for the error.
    pub fn read(part: &str, wasm: &[u8]) -> Result<Surface, ComposeError> {
        let refused = |reason: String| ComposeError::NotAComponent { part: part.to_owned(), reason };
        if !Parser::is_component(wasm) {
            return Err(refused("it is a core module or no WebAssembly; build it for wasm32-wasip2".into()));
        }
        match wit_component::decode(wasm) {
            Ok(DecodedWasm::Component(resolve, world)) => {
                let world = resolve.worlds.get(world).ok_or_else(|| refused("it has no world".into()))?;
                let imports = world
                    .imports
                    .iter()
                    .map(|(key, item)| Import { name: resolve.name_world_key(key), needed: is_needed(&resolve, item) });
                let exports = world.exports.keys().map(|key| resolve.name_world_key(key));
                Ok(Surface { imports: imports.collect(), exports: exports.collect() })
            }
            Ok(DecodedWasm::WitPackage(..)) => Err(refused("it is a WIT package".into())),
            Err(error) => Err(refused(format!("{error:#}"))),
        }
    }
}

fn is_needed(resolve: &Resolve, item: &WorldItem) -> bool {
    match item {
        WorldItem::Function(_) => true,
        WorldItem::Type { .. } => false,
        WorldItem::Interface { id, .. } => resolve.interfaces.get(*id).is_some_and(|interface| {
            let is_resource = |id| resolve.types.get(id).is_some_and(|ty| matches!(ty.kind, TypeDefKind::Resource));
            !interface.functions.is_empty() || interface.types.values().any(|id| is_resource(*id))
        }),
    }
}

/// The outermost component's import names, in order. Reads no types: enough for a component that was just validated.
pub fn import_names(wasm: &[u8]) -> Result<Vec<String>, wasmparser::BinaryReaderError> {
    let mut names = Vec::new();
    let mut depth = 0_usize;
    for payload in Parser::new(0).parse_all(wasm) {
        match payload? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            // The outermost end comes last and has nothing above it.
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(section) if depth == 0 => {
                for import in section {
                    names.push(import?.name.name.to_owned());
                }
            }
            _ => {}
        }
    }
    Ok(names)
}
