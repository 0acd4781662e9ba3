//! Results as tables for people.

use crate::composition::{Results, WebhookRow};
use crate::flow;
use crate::instances;
use crate::webhook;
use std::fmt::Write;

pub fn instances(rows: &[instances::Row]) -> String {
    let mut text = format!(
        "{:<44} {:>8} {:>8} {:>8} {:>8} {:>7} {:>8}\n",
        "", "p10 us", "p50 us", "p99 us", "p99.9", "faults", "vs bare"
    );
    for row in rows {
        let ratio = row.to_bare.map(|ratio| format!("{ratio:.2}")).unwrap_or_default();
        // A String takes any text.
        let _ = writeln!(
            text,
            "{:<44} {:>8.1} {:>8.1} {:>8.1} {:>8.1} {:>7.1} {:>8}",
            row.name, row.p10_us, row.p50_us, row.p99_us, row.p999_us, row.minor_faults, ratio
        );
    }
    text
}

pub fn webhooks(rows: &[webhook::Row]) -> String {
    let mut text = format!(
        "{:<34} {:>9} {:>9} {:>8} {:>9} {:>9} {:>9}\n",
        "", "req/s", "of native", "CPU us", "p50 us*", "p99 us*", "p99.9 us*"
    );
    for row in rows {
        let _ = writeln!(
            text,
            "{:<34} {:>9.0} {:>9.2} {:>8.1} {:>9.0} {:>9.0} {:>9.0}",
            row.name, row.throughput, row.of_native, row.cpu_us, row.p50_us, row.p99_us, row.p999_us
        );
    }
    text.push_str("* open loop at half of the row's own throughput, from the time a request was due\n");
    text
}

pub fn composition(results: &Results) -> String {
    let mut text = format!("One thread: store + instantiate + call + drop\n{}", instances(&results.instances));
    text.push_str("\nMemory: of each live instance, and of a host process\n");
    for row in &results.memory {
        let _ = writeln!(text, "{:<44} {:>10.0} KiB", row.name, row.bytes as f64 / 1024.0);
    }
    if !results.webhooks.is_empty() {
        text.push_str("\nWhole webhook over loopback, real Redis and NATS\n");
        text.push_str(&composed_webhooks(&results.webhooks));
    }
    text.push_str("\nFor docs/deploy.md\n");
    for figure in &results.figures {
        let _ = writeln!(text, "{:<44} {:>10.1} {}", figure.name, figure.value, figure.unit);
    }
    text
}

pub fn flow(results: &flow::Results) -> String {
    let mut text = format!("One thread: a whole turn\n{}\n", instances(&results.rows));
    for figure in &results.figures {
        let aim = figure.aim.map(|aim| format!("aim {aim:.0}")).unwrap_or_default();
        let _ = writeln!(text, "{:<58} {:>10.2} {:<2}  {aim}", figure.name, figure.value, figure.unit);
    }
    text
}

fn composed_webhooks(rows: &[WebhookRow]) -> String {
    let mut text = format!(
        "{:<34} {:>9} {:>9} {:>8} {:>9} {:>9} {:>9} {:>9} {:>10}\n",
        "", "req/s", "of lazy", "CPU us", "at req/s", "p50 us*", "p99 us*", "p99.9 us*", "MiB"
    );
    for row in rows {
        let mebibytes = |bytes: u64| bytes as f64 / 1_048_576.0;
        let memory = format!("{:.0}-{:.0}", mebibytes(row.resident_before), mebibytes(row.resident_after));
        let _ = writeln!(
            text,
            "{:<34} {:>9.0} {:>9.2} {:>8.1} {:>9.0} {:>9.0} {:>9.0} {:>9.0} {:>10}",
            row.name,
            row.closed.throughput,
            row.of_lazy,
            row.closed.cpu_us,
            row.rate,
            row.open.p50_us,
            row.open.p99_us,
            row.open.p999_us,
            memory
        );
    }
    text.push_str("* open loop, from the time a request was due; both forms at half of the slower one's throughput\n");
    text
}
