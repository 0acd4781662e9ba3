//! The edge component as it is shipped, on the host's engine, with fakes for all that it imports: what a flow does there
//! can be held beside what it does natively, effect for effect.
//!
//! One turn is one instance, as in the host. A fake refuses what the host would refuse: a commit after a commit, something
//! published that was not stored before. What a message may cost is the host's tests' to say.

mod fakes;
mod outgoing;

use crate::host::code_cache;
use fakes::Instance;
use greentic_artifacts::EDGE;
use greentic_flow::Compiled;
use greentic_flow::engine::{Failure, HttpFailure, HttpResponse};
use greentic_host::engine::{EngineSettings, KEEP_RESIDENT_BYTES, NativeCode, request_engine};
use greentic_types::{Content, Envelope, Message, Reply};
use std::collections::{BTreeMap, VecDeque};
use wasmtime::component::{HasSelf, Linker};
use wasmtime::{Engine, Store, StoreContextMut};
use wasmtime_wasi::p2::pipe::MemoryOutputPipe;

mod bindings {
    //! The edge's world, its imports answered from memory.
    wasmtime::component::bindgen!({
        path: "../wit/edge",
        world: "edge",
        exports: { default: async },
        require_store_data_send: true,
    });
}

use bindings::greentic::edge::types;

/// What one message finds in the world.
#[derive(Debug, Clone)]
pub struct Scene {
    pub message: Message,
    pub received_at: u64,
    pub seed: u64,
    pub nodes: u32,
    pub outgoing: u32,
    pub error_message: String,
    pub pack_version: String,
    /// The first is the default flow.
    pub flows: Vec<Compiled>,
    /// A CBOR map.
    pub config: Vec<u8>,
    pub session: Option<Vec<u8>>,
    /// By `component.operation`; without an entry a component answers nothing.
    pub components: BTreeMap<String, Result<Option<String>, Failure>>,
    /// In order.
    pub network: VecDeque<Result<HttpResponse, HttpFailure>>,
    pub secrets: BTreeMap<String, String>,
    /// By `locale/key`.
    pub texts: BTreeMap<String, String>,
}

/// What the turn left there.
#[derive(Debug)]
pub struct Left {
    pub session: Option<Vec<u8>>,
    pub replies: Vec<Reply>,
    /// Type and payload.
    pub events: Vec<(String, serde_json::Value)>,
    /// All of the standard error.
    pub operator: String,
    /// Contents that components were called with.
    pub calls: Vec<String>,
    pub requests: Vec<Requested>,
    /// Answers that nobody asked for.
    pub network: VecDeque<Result<HttpResponse, HttpFailure>>,
}

/// A request as it left the component: secrets in their places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requested {
    pub method: String,
    pub url: String,
    /// In lower case.
    pub headers: Vec<(String, Vec<u8>)>,
    pub body: Vec<u8>,
}

/// Enough for all that an operator may be told in one turn.
const STDERR_BYTES: usize = 1024 * 1024;

pub struct EdgeRig {
    engine: Engine,
    edge: bindings::EdgePre<Instance>,
    executor: tokio::runtime::Runtime,
}

impl EdgeRig {
    #[allow(clippy::new_without_default, reason = "it compiles a component: nothing to come by default")]
    pub fn new() -> EdgeRig {
        let settings = EngineSettings {
            instances: 1,
            parts: 1,
            memory_bytes: 64 << 20,
            keep_resident_bytes: KEEP_RESIDENT_BYTES,
            trust_page_map: false,
            pooled: true,
        };
        let engine = request_engine(&settings).unwrap();
        let component = NativeCode::open(&code_cache()).unwrap().load(&engine, EDGE).unwrap();
        let edge = linker(&engine)
            .and_then(|linker| linker.instantiate_pre(&component))
            .and_then(bindings::EdgePre::new)
            .unwrap_or_else(|error| panic!("the edge does not link: {error:#}"));
        let executor = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        EdgeRig { engine, edge, executor }
    }

    /// One webhook with one message. Fails when the component traps, or does not answer what the provider said.
    pub fn turn(&self, scene: Scene) -> Left {
        self.executor.block_on(self.deliver(scene))
    }

    async fn deliver(&self, scene: Scene) -> Left {
        let stderr = MemoryOutputPipe::new(STDERR_BYTES);
        let mut store = Store::new(&self.engine, Instance::new(scene, stderr.clone()));
        // Nobody advances it: how long a turn may take is not what is looked at here.
        store.set_epoch_deadline(1);
        let request = types::Request {
            method: "POST".to_owned(),
            path: String::new(),
            query: None,
            headers: Vec::new(),
            body: Vec::new(),
        };
        let called = async {
            let edge = self.edge.instantiate_async(&mut store).await?;
            edge.greentic_edge_webhook().call_handle(&mut store, &request).await
        };
        let answer = called.await;
        let operator = String::from_utf8(stderr.contents().to_vec()).unwrap();
        let answer = answer.unwrap_or_else(|error| panic!("the edge failed: {error:#}\n{operator}"));
        assert_eq!(answer.status, fakes::ACCEPTED, "{operator}");
        left(store.into_data(), operator)
    }
}

fn left(instance: Instance, operator: String) -> Left {
    let instance = instance.finished();
    let mut left = Left {
        session: instance.session,
        replies: Vec::new(),
        events: Vec::new(),
        operator,
        calls: instance.calls,
        requests: instance.requests,
        network: instance.answers,
    };
    for publication in instance.published {
        if publication.subject == fakes::EGRESS {
            let envelope: Envelope = serde_json::from_slice(&publication.payload).unwrap();
            match envelope.content {
                Content::Reply(reply) => left.replies.push(reply),
                Content::Acknowledgement(act) => panic!("no message demanded an act: {act}"),
            }
        } else {
            let event_type = publication.subject.strip_prefix(fakes::EVENTS).unwrap().strip_prefix('.').unwrap();
            let mut event: serde_json::Value = serde_json::from_slice(&publication.payload).unwrap();
            left.events.push((event_type.to_owned(), event["payload"].take()));
        }
    }
    left
}

/// Not generic on purpose: every instantiation of these calls costs minutes of build.
fn linker(engine: &Engine) -> wasmtime::Result<Linker<Instance>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
    bindings::Edge::add_to_linker::<_, HasSelf<Instance>>(&mut linker, |instance| instance)?;
    // A turn's one piece of chance.
    linker.allow_shadowing(true);
    linker
        .instance("wasi:random/random@0.2.12")?
        .func_wrap("get-random-u64", |store: StoreContextMut<'_, Instance>, (): ()| Ok((store.data().seed(),)))?;
    Ok(linker)
}
