//! Composed or linked lazily: the same app in both forms, as instances, as servers, and in memory, so that the choice is a
//! measured one (docs/decisions/0005-composed-or-lazy.md). Ends with the figures that docs/deploy.md quotes.

mod child;
mod forms;
mod instances;
mod memory;
mod served;
mod servers;
mod subject;

pub use child::Task;
pub use memory::Row as MemoryRow;
pub use served::Row as WebhookRow;

use crate::instances::Row;
use crate::webhook;
use serde::Serialize;
use servers::Programs;
use subject::Subject;

/// Live instances that memory is divided by: enough that what the allocator rounds up does not show.
const HELD: u64 = 64;

#[derive(Serialize)]
pub struct Results {
    pub subjects: Vec<Subject>,
    pub instances: Vec<Row>,
    /// Of one live instance, and of a whole host.
    pub memory: Vec<MemoryRow>,
    /// Empty without servers.
    pub webhooks: Vec<WebhookRow>,
    pub figures: Vec<Figure>,
}

/// A figure by the name it has in docs/deploy.md.
#[derive(Debug, Serialize)]
pub struct Figure {
    pub name: &'static str,
    pub value: f64,
    pub unit: &'static str,
}

pub fn run(quick: bool) -> anyhow::Result<Results> {
    let programs = Programs::find();
    let iterations = if quick { 200 } else { 5_000 };
    // One thread: a row's faults are counted on the thread that works.
    let one = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let subjects = one.block_on(subject::all())?;
    let instances::Instances { rows, per_part_us } = one.block_on(instances::run(&subjects, iterations))?;
    // Its hosts' background work would run beside what follows.
    drop(one);
    let many = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut memory = many.block_on(memory::held(programs.as_ref(), &subjects))?;
    memory.extend(many.block_on(memory::host())?);
    let webhooks = match &programs {
        Some(programs) => many.block_on(served::run(programs, &subjects, webhook::length(quick)))?,
        None => Vec::new(),
    };
    let figures = figures(per_part_us, &memory, &webhooks);
    Ok(Results { subjects, instances: rows, memory, webhooks, figures })
}

fn figures(per_part_us: f64, memory: &[MemoryRow], webhooks: &[WebhookRow]) -> Vec<Figure> {
    let memory = |name: &'static str, beginning: &str, unit: &'static str, size: u32| {
        let row = memory.iter().find(|row| row.name.starts_with(beginning))?;
        Some(Figure { name, value: row.bytes as f64 / f64::from(size), unit })
    };
    let per_core = |name: &'static str, composed: bool| {
        let row = webhooks.iter().find(|row| row.composed == composed)?;
        Some(Figure { name, value: row.per_core(), unit: "/s" })
    };
    let all = [
        memory("memory per live edge instance", "edge, after", "KiB", 1 << 10),
        memory("memory per live node instance", "node", "KiB", 1 << 10),
        memory("resident memory idle", "host process, idle", "MiB", 1 << 20),
        memory("resident memory at 256 turns", "host process, 256", "MiB", 1 << 20),
        Some(Figure { name: "time per composed part", value: per_part_us, unit: "us" }),
        memory("memory per live composed instance", "composed", "KiB", 1 << 10),
        per_core("webhooks per core", false),
        per_core("composed webhooks per core", true),
    ];
    all.into_iter().flatten().collect()
}
