//! The flow language: what its engine, its records and its compiler cost, natively and in the edge.
//!
//! What a turn costs in wasm is the edge's row less a trivial call of the same run, so that store and instance are not in
//! it; the host's part of a turn (begin, commit, publish) is. Aims are printed beside, never asserted: the machine decides.

mod native;
mod sources;
mod wasm;

use crate::instances::Row;
use anyhow::Context;
use serde::Serialize;
use sources::{LARGE, ORDINARY, PLAIN, SCRIPT, SEARCH, SMALL, SUM};
use wasm::Edge;

/// Nodes of the flows that are compiled.
const COMPILED: usize = 1_000;

/// Aims, each in the unit of its figures.
const NATIVE_TURN_US: f64 = 20.0;
const WASM_TURN_US: f64 = 60.0;
const RECORD_NS: f64 = 2_000.0;
const COMPILE_MS: f64 = 100.0;

#[derive(Debug, Serialize)]
pub struct Results {
    pub rows: Vec<Row>,
    pub figures: Vec<Figure>,
}

/// What the rows come to, and what is too short for one.
#[derive(Debug, Serialize)]
pub struct Figure {
    pub name: String,
    pub value: f64,
    pub unit: &'static str,
    /// The most it should be.
    pub aim: Option<f64>,
}

/// Medians of one subject, in microseconds.
struct Medians {
    name: &'static str,
    native: f64,
    /// Less the trivial call.
    wasm: f64,
}

pub fn run(quick: bool) -> anyhow::Result<Results> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let iterations = if quick { 500 } else { 10_000 };
    let (rows, medians) = runtime.block_on(turns(iterations))?;
    // Its hosts' background work would run beside what follows.
    drop(runtime);
    let mut figures = of_turns(&medians)?;
    for (kind, mean) in native::decode(iterations * 10)? {
        figures.push(Figure::new(format!("decode a record in place: {kind}"), mean, "ns").aim(RECORD_NS));
    }
    let shorter = iterations / 10;
    figures.push(Figure::new("render an ordinary text, beyond a bare word", native::template_ns(shorter)?, "ns"));
    figures.push(Figure::new("evaluate an ordinary condition, beyond `false`", native::expression_ns(shorter)?, "ns"));
    for (dialect, flow) in [("list", sources::list(COMPILED)), ("map", sources::map(COMPILED))] {
        let took = native::compile_ms(&flow, COMPILED, iterations / 100)?;
        figures.push(Figure::new(format!("compile {COMPILED} nodes, {dialect} dialect"), took, "ms").aim(COMPILE_MS));
    }
    Ok(Results { rows, figures })
}

async fn turns(iterations: u32) -> anyhow::Result<(Vec<Row>, Vec<Medians>)> {
    let subjects = sources::subjects()?;
    let first = subjects.first().context("no subject")?;
    let trivial = Edge::load(&first.flow).await?.trivial(iterations).await?;
    let without = trivial.p50_us;
    let (mut rows, mut medians) = (vec![trivial], Vec::new());
    for subject in &subjects {
        let native = native::turn(subject, iterations).await?;
        let wasm = Edge::load(&subject.flow).await?.turn(subject, iterations).await?;
        medians.push(Medians { name: subject.name, native: native.p50_us, wasm: wasm.p50_us - without });
        rows.extend([native, wasm]);
    }
    Ok((rows, medians))
}

fn of_turns(medians: &[Medians]) -> anyhow::Result<Vec<Figure>> {
    let of = |name: &str| medians.iter().find(|of| of.name == name).with_context(|| format!("no row for the {name}"));
    let mut figures = Vec::new();
    let ordinary = of(ORDINARY)?;
    figures.push(Figure::new(format!("{ORDINARY}: native"), ordinary.native, "us").aim(NATIVE_TURN_US));
    figures
        .push(Figure::new(format!("{ORDINARY}: wasm, less the trivial call"), ordinary.wasm, "us").aim(WASM_TURN_US));
    let (small, large) = (of(SMALL)?, of(LARGE)?);
    figures.push(Figure::new("2,000 nodes over 20: native", large.native / small.native, "x"));
    figures.push(Figure::new("2,000 nodes over 20: wasm", large.wasm / small.wasm, "x"));
    let plain = of(PLAIN)?;
    for name in [SUM, SCRIPT, SEARCH] {
        let subject = of(name)?;
        let name = name.trim_end_matches(" and reply");
        figures.push(Figure::new(format!("{name}, beyond a template: native"), subject.native - plain.native, "us"));
        figures.push(Figure::new(format!("{name}, beyond a template: wasm"), subject.wasm - plain.wasm, "us"));
    }
    Ok(figures)
}

impl Figure {
    fn new(name: impl Into<String>, value: f64, unit: &'static str) -> Figure {
        Figure { name: name.into(), value, unit, aim: None }
    }

    fn aim(self, aim: f64) -> Figure {
        Figure { aim: Some(aim), ..self }
    }
}
