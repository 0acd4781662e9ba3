//! Results as tables for people.

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
