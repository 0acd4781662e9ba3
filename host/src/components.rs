//! Components made ready: compiled, type-checked and linked once, so that a request only instantiates and calls.

use crate::bindings::component::ComponentPre;
use crate::bindings::exports::greentic::edge::{provider, webhook};
use crate::bindings::flow_component::exports::greentic::component::component as flow_component;
use crate::bindings::mcp::exports::greentic::mcp::tool;
use crate::engine::{NativeCode, Role, linker};
use crate::imports::app_hosts::AppHosts;
use crate::sandbox::Sandbox;
use crate::texts::Texts;
use greentic_pack::FlowImage;
use std::collections::BTreeMap;
use std::sync::Arc;
use wasmtime::Engine;
use wasmtime::component::{Component, InstancePre};
use wasmtime_wasi_http::p2::bindings::ProxyPre;

/// Why a component can't be used. Said at load, never at a request.
#[derive(Debug, thiserror::Error)]
pub enum ComponentError {
    #[error(transparent)]
    Code(#[from] crate::engine::NativeCodeError),
    #[error("component `{name}` does not fit: {reason}")]
    Misfit { name: String, reason: String },
}

impl ComponentError {
    fn misfit(name: &str, error: &wasmtime::Error) -> ComponentError {
        ComponentError::Misfit { name: name.to_owned(), reason: format!("{error:#}") }
    }
}

/// Compiles and links: the part that all kinds share.
pub struct Loader<'a> {
    pub engine: &'a Engine,
    pub code: &'a NativeCode,
}

impl Loader<'_> {
    fn component(&self, wasm: &[u8]) -> Result<Component, ComponentError> {
        Ok(self.code.load(self.engine, wasm)?)
    }

    /// The component, compiled and joined to what its role may import.
    pub fn link(&self, name: &str, wasm: &[u8], role: Role) -> Result<InstancePre<Sandbox>, ComponentError> {
        let component = self.component(wasm)?;
        linker(self.engine, role)
            .and_then(|linker| linker.instantiate_pre(&component))
            .map_err(|error| ComponentError::misfit(name, &error))
    }

    pub fn provider(&self, name: &str, wasm: &[u8]) -> Result<Provider, ComponentError> {
        let pre = self.link(name, wasm, Role::Provider)?;
        let exports = provider::GuestIndices::new(&pre).map_err(|error| ComponentError::misfit(name, &error))?;
        Ok(Provider { pre, exports })
    }

    /// A component of a pack, by the documented world that its exports are of.
    pub fn node(&self, name: &str, wasm: &[u8]) -> Result<Node, ComponentError> {
        let pre = self.link(name, wasm, Role::Node)?;
        if let Ok(exports) = tool::GuestIndices::new(&pre) {
            return Ok(Node::Tool(pre, exports));
        }
        if let Ok(exports) = flow_component::GuestIndices::new(&pre) {
            return Ok(Node::FlowComponent(pre, exports));
        }
        ComponentPre::new(pre).map(Node::Component).map_err(|error| ComponentError::misfit(name, &error))
    }

    /// A component that answers requests: by `greentic:edge/webhook` when it has it, else by `wasi:http`.
    pub fn gateway(&self, name: &str, wasm: &[u8], role: Role) -> Result<Gateway, ComponentError> {
        let pre = self.link(name, wasm, role)?;
        if let Ok(exports) = webhook::GuestIndices::new(&pre) {
            return Ok(Gateway::Webhook(pre, exports));
        }
        ProxyPre::new(pre).map(Gateway::Http).map_err(|error| ComponentError::misfit(name, &error))
    }

    /// The same, but by `wasi:http` even when the component has the faster export: for tests and measurements.
    pub fn http_gateway(&self, name: &str, wasm: &[u8], role: Role) -> Result<Gateway, ComponentError> {
        self.http(name, wasm, role).map(Gateway::Http)
    }

    /// A program that is served as it is.
    pub fn program(&self, name: &str, wasm: &[u8]) -> Result<ProxyPre<Sandbox>, ComponentError> {
        self.http(name, wasm, Role::Http)
    }

    fn http(&self, name: &str, wasm: &[u8], role: Role) -> Result<ProxyPre<Sandbox>, ComponentError> {
        ProxyPre::new(self.link(name, wasm, role)?).map_err(|error| ComponentError::misfit(name, &error))
    }
}

/// Who answers a bundle's webhooks.
pub enum Gateway {
    Webhook(InstancePre<Sandbox>, webhook::GuestIndices),
    Http(ProxyPre<Sandbox>),
}

/// A component that flows may call. Each of these has a file in `imports/nodes/`.
pub enum Node {
    /// `greentic:component`: text in, outcome out.
    Component(ComponentPre<Sandbox>),
    /// `greentic:mcp`: a tool.
    Tool(InstancePre<Sandbox>, tool::GuestIndices),
    /// `greentic:component` as it is with a tenant.
    FlowComponent(InstancePre<Sandbox>, flow_component::GuestIndices),
}

/// A channel's component, ready to instantiate.
pub struct Provider {
    pub pre: InstancePre<Sandbox>,
    pub exports: provider::GuestIndices,
}

/// An application pack, ready to run.
pub struct App {
    pub name: String,
    /// Hash of the pack's contents: what a waiting session remembers.
    pub pack_version: String,
    /// Compiled flows by name; a flow's number is its place here.
    pub flows: Vec<(String, FlowImage)>,
    /// Place of the flow that runs when none is named.
    pub default_flow: usize,
    pub nodes: BTreeMap<String, Node>,
    /// `config.*` of its flows, CBOR.
    pub config: Vec<u8>,
    /// Where its flows may send.
    pub hosts: Arc<AppHosts>,
    pub texts: Arc<Texts>,
}

impl App {
    /// Number and image of a flow; of the default flow without a name.
    pub fn flow(&self, name: Option<&str>) -> Option<(usize, &str, &FlowImage)> {
        let number = match name {
            None => self.default_flow,
            Some(name) => self.flows.iter().position(|(known, _)| known == name)?,
        };
        self.flows.get(number).map(|(name, image)| (number, name.as_str(), image))
    }
}
