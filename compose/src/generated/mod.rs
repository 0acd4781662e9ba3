//! The parts that nobody wrote: constants, the choice among node components, a list of secrets, and emptiness. Each is a
//! small core module made here, wrapped as a component by the contract in `wit/`. Public so that tests can call each by
//! itself.

mod abi;
mod data;
mod dispatcher;
mod module;
mod nothing;
mod secrets;
mod texts;

pub use data::data;
pub use dispatcher::{dispatcher, node_import};
pub use nothing::{Empty, nothing};
pub use secrets::secrets;

use crate::ComposeError;
use std::fmt::Display;
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::{Resolve, SourceMap};

const EDGE_TYPES: &str = include_str!("../../../wit/edge/types.wit");
const EDGE: &str = include_str!("../../../wit/edge/edge.wit");
const COMPONENT: &str = include_str!("../../../wit/component/component.wit");

/// The contract, and what a part uses of WASI in the version that its neighbours use.
fn contract(wasi: &[String]) -> Result<Resolve, String> {
    let mut resolve = Resolve::default();
    let mut edge = SourceMap::default();
    edge.push_str("edge/types.wit", EDGE_TYPES);
    edge.push_str("edge/edge.wit", EDGE);
    let edge = edge.parse().map_err(|(_, error)| reason(error))?;
    resolve.push_group(edge).map_err(reason)?;
    resolve.push_source("component/component.wit", COMPONENT).map_err(reason)?;
    for package in wasi {
        resolve.push_source("wasi.wit", package).map_err(reason)?;
    }
    Ok(resolve)
}

/// A component of a core module. `world` is a WIT package with one world.
fn component(part: &'static str, wasi: &[String], world: &str, core: Vec<u8>) -> Result<Vec<u8>, ComposeError> {
    encode(wasi, world, core).map_err(|reason| ComposeError::Generated { part, reason })
}

fn encode(wasi: &[String], world: &str, mut core: Vec<u8>) -> Result<Vec<u8>, String> {
    let mut resolve = contract(wasi)?;
    let package = resolve.push_source("composed.wit", world).map_err(reason)?;
    let world = resolve.select_world(&[package], None).map_err(reason)?;
    embed_component_metadata(&mut core, &resolve, world, StringEncoding::UTF8).map_err(reason)?;
    let mut encoder = ComponentEncoder::default();
    encoder.validate(true);
    encoder.module(&core).map_err(reason)?;
    encoder.encode().map_err(reason)
}

/// The alternate form shows the causes of errors that carry theirs.
fn reason(error: impl Display) -> String {
    format!("{error:#}")
}
