//! `greentic:edge/flow`: hands out the records of compiled flows. The host knows their container, not their content.

use crate::bindings::greentic::edge::flow;
use crate::sandbox::{Rights, Sandbox};

impl flow::Host for Sandbox {
    fn entry(&mut self, name: Option<String>) -> wasmtime::Result<Option<flow::FlowEntry>> {
        let Rights::Edge { route, .. } = &self.rights else {
            return Err(Sandbox::not_granted("flow"));
        };
        let app = &route.app;
        Ok(app.flow(name.as_deref()).and_then(|(number, name, image)| {
            Some(flow::FlowEntry {
                flow: u32::try_from(number).ok()?,
                name: name.to_owned(),
                pack_version: app.pack_version.clone(),
                head: image.head().to_vec(),
            })
        }))
    }

    fn node(&mut self, flow: u32, index: u32) -> wasmtime::Result<Option<Vec<u8>>> {
        let Rights::Edge { route, .. } = &self.rights else {
            return Err(Sandbox::not_granted("flow"));
        };
        let image = usize::try_from(flow).ok().and_then(|number| route.app.flows.get(number));
        Ok(image.and_then(|(_, image)| image.node(index)).map(<[u8]>::to_vec))
    }
}
