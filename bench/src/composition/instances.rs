//! Both forms as instances, on one thread and without a server: what a composed component costs before and while it answers
//! what needs no server, beside the same of the lazily linked edge; and whole turns of the lazily linked form, whose cost
//! grows with the nodes that are reached.

use super::forms::{Composed, Lazy, answer, health, over_http, plain};
use super::subject::Subject;
use crate::instances::{Row, measure};
use crate::served;
use anyhow::{Context, ensure};

const WRONG_TOKEN: &str = "not-the-token";

/// Rows, and what they say of parts.
pub struct Instances {
    pub rows: Vec<Row>,
    /// Microseconds that one more part costs an instance, from the smallest component to the largest.
    pub per_part_us: f64,
}

pub async fn run(subjects: &[Subject], iterations: u32) -> anyhow::Result<Instances> {
    let first = subjects.first().context("no subject")?;
    let mut rows = lazily_linked(first, iterations).await?;
    for subject in subjects {
        rows.push(turn(subject, iterations).await?);
    }
    let mut by_parts = Vec::new();
    // What the flow calls makes no difference to what is instantiated.
    for subject in subjects.iter().filter(|subject| subject.reached == 1) {
        let of_subject = composed(subject, iterations).await?;
        by_parts.extend(of_subject.first().map(|row| (subject.parts, row.p50_us)));
        rows.extend(of_subject);
    }
    let (least, most) = by_parts.first().zip(by_parts.last()).context("nothing composed")?;
    let per_part_us = (most.1 - least.1) / (most.0 as f64 - least.0 as f64);
    Ok(Instances { rows, per_part_us })
}

/// What does not depend on the nodes.
async fn lazily_linked(subject: &Subject, iterations: u32) -> anyhow::Result<Vec<Row>> {
    let lazy = Lazy::load(&subject.bundle()).await?;
    let shim = lazy.shim()?;
    let mut number = 0;
    let made = measure("lazy: edge made and dropped".into(), iterations, async || {
        number += 1;
        lazy.instantiate_edge(&mut lazy.edge_store(number)).await
    });
    let made = made.await?;
    let refused = measure("lazy: webhook refused by its provider".into(), iterations, async || {
        number += 1;
        let request = served::request_with(number, WRONG_TOKEN);
        let status = lazy.webhook(&mut lazy.edge_store(number), &request).await?;
        ensure!(status == 403, "wrong answer: {status}");
        Ok(())
    });
    let refused = refused.await?;
    let refused_by_shim = measure("lazy: the same by wasi:http".into(), iterations, async || {
        number += 1;
        let request = over_http(served::request_with(number, WRONG_TOKEN))?;
        let status = answer(&mut lazy.edge_store(number), &shim, request).await?;
        ensure!(status == 403, "wrong answer: {status}");
        Ok(())
    });
    let refused_by_shim = refused_by_shim.await?;
    let healthy = measure("lazy: GET /health by wasi:http".into(), iterations, async || {
        number += 1;
        let status = answer(&mut lazy.edge_store(number), &shim, health()?).await?;
        ensure!(status == 200, "wrong answer: {status}");
        Ok(())
    });
    Ok(vec![made, healthy.await?, refused, refused_by_shim])
}

/// A whole turn, memory store and in-process bus: edge, provider, and an instance for each node that is reached.
async fn turn(subject: &Subject, iterations: u32) -> anyhow::Result<Row> {
    let lazy = Lazy::load(&subject.bundle()).await?;
    lazy.check_and_consume(subject.reached).await?;
    let mut number = 0;
    measure(format!("lazy: turn, {}", subject.label()), iterations, async || {
        number += 1;
        let status = lazy.webhook(&mut lazy.edge_store(number), &served::request(number)).await?;
        ensure!(status == 200, "wrong answer: {status}");
        Ok(())
    })
    .await
}

/// The first row is the one without a call.
async fn composed(subject: &Subject, iterations: u32) -> anyhow::Result<Vec<Row>> {
    let form = Composed::load(&subject.component(), None).await?;
    let pre = &form.served.pre;
    let name = |what: &str| format!("composed, {} parts: {what}", subject.parts);
    let made = measure(name("made and dropped"), iterations, async || {
        let mut store = form.store();
        plain(pre.instantiate_async(&mut store).await)?;
        Ok(())
    });
    let made = made.await?;
    let healthy = measure(name("GET /health"), iterations, async || {
        let status = answer(&mut form.store(), pre, health()?).await?;
        ensure!(status == 200, "wrong answer: {status}");
        Ok(())
    });
    let healthy = healthy.await?;
    let mut number = 0;
    let refused = measure(name("webhook refused"), iterations, async || {
        number += 1;
        let request = over_http(served::request_with(number, WRONG_TOKEN))?;
        let status = answer(&mut form.store(), pre, request).await?;
        ensure!(status == 403, "wrong answer: {status}");
        Ok(())
    });
    Ok(vec![made, healthy, refused.await?])
}
