//! The flow engine and its compiler in this process: no component, no host. Records lie in memory, and a session goes
//! through its bytes as it does in the edge.

use super::sources::{self, Subject};
use crate::instances::{Row, measure};
use anyhow::{Context as _, bail, ensure};
use greentic_flow::engine::{Answer, Effect, Ending, EntryRef, Inputs, Limits, Turn};
use greentic_flow::ir::Node;
use greentic_flow::{Compiled, Context, compile};
use greentic_session::Record;
use greentic_types::{Message, MessageKind, TenantCtx};
use hdrhistogram::Histogram;
use std::hint::black_box;
use std::time::Instant;

/// Nodes in a row whose cost is divided by their number.
const CHAINED: usize = 200;

/// A conversation with one flow.
struct Conversation {
    flow: Compiled,
    message: Message,
    tenant: TenantCtx,
    session: Option<Vec<u8>>,
    now_ms: u64,
}

impl Conversation {
    /// Fails unless the flow's last words hold `says`.
    fn begin(flow: &str, says: &str) -> anyhow::Result<Conversation> {
        let mut conversation = Conversation {
            flow: compiled(flow)?,
            message: message(),
            tenant: TenantCtx { env_id: "prod".into(), tenant_id: "bench".into(), team_id: Some("default".into()) },
            session: None,
            now_ms: 1_790_000_000_000,
        };
        let ending = conversation.turn()?;
        let said = ending.replies.last().map(|reply| reply.text.as_str()).unwrap_or_default();
        ensure!(said.contains(says), "the flow said `{said}` and not `{says}`");
        Ok(conversation)
    }

    fn turn(&mut self) -> anyhow::Result<Ending> {
        self.now_ms += 1;
        let mut turn = Turn::new(Inputs {
            message: &self.message,
            tenant: &self.tenant,
            channel: "telegram",
            record: self.session.as_deref().map(Record::decode).transpose()?,
            now_ms: self.now_ms,
            seed: self.now_ms,
            error_message: "",
            limits: Limits { nodes: 1_000, outgoing: 32 },
            default_locale: "en",
        });
        let ending = drive(&mut turn, &self.flow)?;
        if let Some(error) = &ending.error {
            bail!("the flow failed: {error}");
        }
        if let Some(record) = &ending.record {
            self.session = Some(record.encode()?);
        }
        Ok(ending)
    }
}

fn drive(turn: &mut Turn<'_>, flow: &Compiled) -> anyhow::Result<Ending> {
    let mut effect = turn.step(Answer::Start);
    loop {
        effect = match effect {
            Effect::Entry { .. } => {
                let entry = EntryRef { flow: 0, name: &flow.name, pack_version: "bench", head: &flow.head };
                turn.step(Answer::Entry(Some(entry)))
            }
            Effect::Node { index, .. } => turn.step(Answer::Node(flow.nodes.get(index as usize).map(Vec::as_slice))),
            Effect::Done(ending) => return Ok(ending),
            other => bail!("the flow asks for what is not measured here: {other:?}"),
        };
    }
}

fn message() -> Message {
    Message {
        delivery_id: "7".into(),
        kind: MessageKind::Message,
        conversation: "1007".into(),
        thread: None,
        user: "1007".into(),
        user_name: Some("Test Firstname Test Lastname".into()),
        message_id: Some("7".into()),
        text: "hello number 7".into(),
        action: None,
        command: None,
        attachments: Vec::new(),
        locale: None,
        timestamp: 1_441_645_532_000,
        starts_turn: true,
        reply_context: None,
        acknowledgement: None,
    }
}

fn compiled(flow: &str) -> anyhow::Result<Compiled> {
    let context = Context { components: Some(sources::COMPONENTS), flows: Some(sources::FLOWS), ..Context::default() };
    compile(flow, &context).map_err(|findings| anyhow::anyhow!("a flow does not compile: {findings:#?}"))
}

pub async fn turn(subject: &Subject, iterations: u32) -> anyhow::Result<Row> {
    let name = format!("native: {}", subject.name);
    let mut conversation = Conversation::begin(&subject.flow, subject.says).context(subject.name)?;
    measure(name, iterations, async || {
        let ending = conversation.turn()?;
        ensure!(ending.replies.len() == 1, "{} replies, not one", ending.replies.len());
        Ok(())
    })
    .await
}

/// Mean nanoseconds to decode one record in place, of each kind of node.
pub fn decode(iterations: u32) -> anyhow::Result<Vec<(&'static str, f64)>> {
    let (flow, kinds) = sources::kinds();
    let flow = compiled(&flow)?;
    let mut found = Vec::new();
    for (name, record) in kinds.into_iter().zip(&flow.nodes) {
        let node: Node<'_> = minicbor::decode(record)?;
        ensure!(sources::kind(&node.kind) == name, "node `{}` is a {}", node.id.as_str(), sources::kind(&node.kind));
        for _ in 0..iterations / 10 {
            black_box(minicbor::decode::<Node<'_>>(black_box(record))?);
        }
        let began = Instant::now();
        for _ in 0..iterations {
            black_box(minicbor::decode::<Node<'_>>(black_box(record))?);
        }
        found.push((name, began.elapsed().as_secs_f64() * 1e9 / f64::from(iterations)));
    }
    Ok(found)
}

/// Median milliseconds to compile a flow of so many nodes.
pub fn compile_ms(flow: &str, nodes: usize, iterations: u32) -> anyhow::Result<f64> {
    let made = compiled(flow)?;
    // One more record says where they stand in the text.
    ensure!(made.nodes.len() == nodes + 1, "{} records of {nodes} nodes", made.nodes.len());
    let mut times = Histogram::<u64>::new(3)?;
    for _ in 0..iterations {
        let began = Instant::now();
        black_box(compiled(black_box(flow))?);
        times.record(began.elapsed().as_nanos() as u64)?;
    }
    Ok(times.value_at_quantile(0.5) as f64 / 1e6)
}

/// Nanoseconds that one ordinary text costs beyond a bare word.
pub fn template_ns(iterations: u32) -> anyhow::Result<f64> {
    let node = |text: &str| format!("{{id: ID, type: template, config: {{template: \"{text}\"}}, next: NEXT}}");
    difference(&node("Hello"), &node(sources::TEMPLATE), iterations)
}

/// Nanoseconds that one ordinary condition costs beyond `false`.
pub fn expression_ns(iterations: u32) -> anyhow::Result<f64> {
    let node = |condition: &str| {
        let arm = format!("{{expression: '{condition}', next: done}}");
        format!("{{id: ID, type: branch, config: {{conditions: [{arm}]}}, next: NEXT}}")
    };
    difference(&node("false"), &node(sources::EXPRESSION), iterations)
}

/// What a node costs more than a plainer one: both in turns, one after the other, so that whatever slows the machine
/// down slows both.
fn difference(plain: &str, full: &str, iterations: u32) -> anyhow::Result<f64> {
    let mut plain = Conversation::begin(&sources::chain(plain, CHAINED), "done")?;
    let mut full = Conversation::begin(&sources::chain(full, CHAINED), "done")?;
    let (mut of_plain, mut of_full) = (Histogram::<u64>::new(3)?, Histogram::<u64>::new(3)?);
    for _ in 0..iterations {
        for (conversation, times) in [(&mut plain, &mut of_plain), (&mut full, &mut of_full)] {
            let began = Instant::now();
            black_box(conversation.turn()?);
            times.record(began.elapsed().as_nanos() as u64)?;
        }
    }
    Ok((of_full.value_at_quantile(0.5) as f64 - of_plain.value_at_quantile(0.5) as f64) / CHAINED as f64)
}
