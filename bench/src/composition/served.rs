//! Whole webhooks over loopback with real Redis and NATS: our host, which links lazily, beside `serve-component` with the
//! same app composed. Both of a pair are alive while either is loaded, and the other is idle then. An answer does not say
//! that the reply was published, so the stream is counted at the end.

use super::child::{What, arguments};
use super::forms::check_reply;
use super::servers::{Programs, Servers};
use super::subject::Subject;
use crate::load;
use crate::webhook::{Closed, Open, Server, closed, open};
use anyhow::ensure;
use greentic_host::bus::Inlet;
use serde::Serialize;
use std::time::Duration;

#[derive(Debug, Serialize)]
pub struct Row {
    pub name: String,
    pub composed: bool,
    pub nodes: usize,
    pub reached: usize,
    #[serde(flatten)]
    pub closed: Closed,
    /// Throughput, beside that of the lazily linked form.
    pub of_lazy: f64,
    /// Requests a second of open loop; the same for both of a pair.
    pub rate: f64,
    #[serde(flatten)]
    pub open: Open,
    /// Resident memory of the server process, in bytes: before the first request and after the last.
    pub resident_before: u64,
    pub resident_after: u64,
}

impl Row {
    /// Webhooks that a second of one core's time is enough for, servers and client not counted.
    pub fn per_core(&self) -> f64 {
        1e6 / self.closed.cpu_us
    }
}

/// A form of a subject that is being served.
struct Served {
    // First, so that it is gone before its servers are.
    server: Server,
    servers: Servers,
    resident_before: u64,
    /// Updates that it was sent.
    sent: u64,
}

/// Share of the replies that may still be in an outbox at the end. More, and what was measured is no whole turn.
const MAY_BE_LATE: f64 = 0.01;

impl Served {
    async fn start(programs: &Programs, subject: &Subject, composed: bool) -> anyhow::Result<Served> {
        let servers = programs.start().await?;
        let (what, path) =
            if composed { (What::ServeComposed, subject.component()) } else { (What::ServeLazy, subject.bundle()) };
        let arguments = arguments(what, path, Some(&servers.addresses))?;
        let server = Server::start(&arguments.iter().map(String::as_str).collect::<Vec<_>>())?;
        let resident_before = server.resident()?;
        let mut replies = servers.inlet.subscribe(&subject.egress_subject).await?;
        load::one(&server.address).await?;
        check_reply(replies.as_mut(), subject.reached).await?;
        Ok(Served { server, servers, resident_before, sent: 1 })
    }

    async fn closed(&mut self, length: Duration) -> anyhow::Result<Closed> {
        let before = load::sent();
        let measured = closed(&self.server, length).await?;
        self.sent += load::sent() - before;
        Ok(measured)
    }

    async fn open(&mut self, length: Duration, rate: f64) -> anyhow::Result<Open> {
        let before = load::sent();
        let measured = open(&self.server, length, rate).await?;
        self.sent += load::sent() - before;
        Ok(measured)
    }

    async fn check_published(&self, subject: &Subject) -> anyhow::Result<()> {
        let (sent, published) = (self.sent, self.servers.published().await?);
        let late = sent.abs_diff(published) as f64 / sent as f64;
        let label = subject.label();
        ensure!(late <= MAY_BE_LATE, "{label}: {sent} messages were sent and {published} replies published");
        Ok(())
    }

    fn row(
        &self,
        subject: &Subject,
        composed: bool,
        closed: Closed,
        lazy: &Closed,
        rate: f64,
        open: Open,
    ) -> anyhow::Result<Row> {
        let form = if composed { "composed" } else { "lazy" };
        Ok(Row {
            name: format!("{form}: {}", subject.label()),
            composed,
            nodes: subject.nodes,
            reached: subject.reached,
            of_lazy: closed.throughput / lazy.throughput,
            closed,
            rate,
            open,
            resident_before: self.resident_before,
            resident_after: self.server.resident()?,
        })
    }
}

/// Two rows for each subject.
pub async fn run(programs: &Programs, subjects: &[Subject], length: Duration) -> anyhow::Result<Vec<Row>> {
    let mut rows = Vec::new();
    for subject in subjects {
        let mut lazy = Served::start(programs, subject, false).await?;
        let mut composed = Served::start(programs, subject, true).await?;
        let of_lazy = lazy.closed(length).await?;
        let of_composed = composed.closed(length).await?;
        // One rate for both, which the slower of them can take: at rates of their own the slower would look better.
        let rate = of_lazy.throughput.min(of_composed.throughput) / 2.0;
        let lazy_open = lazy.open(length, rate).await?;
        let composed_open = composed.open(length, rate).await?;
        lazy.check_published(subject).await?;
        composed.check_published(subject).await?;
        rows.push(lazy.row(subject, false, of_lazy, &of_lazy, rate, lazy_open)?);
        rows.push(composed.row(subject, true, of_composed, &of_lazy, rate, composed_open)?);
    }
    Ok(rows)
}
