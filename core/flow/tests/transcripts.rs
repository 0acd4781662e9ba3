//! The corpus, played natively: what lines of a transcript mean is in `support/transcript.rs`. The same corpus is played by
//! the edge component in `tests/tests/corpus.rs`.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test is allowed to stop at a broken assumption, in its helpers too"
)]

#[macro_use]
#[path = "support/corpus.rs"]
mod corpus;
mod support;

use std::collections::BTreeSet;
use std::path::Path;
use support::World;
use support::transcript::{further_flows, run};

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/flows"))
}

macro_rules! played {
    ($($name:ident)*) => {
        $(
            #[test]
            fn $name() {
                run(folder(), stringify!($name), &mut World::hear);
            }
        )*

        const NAMES: &[&str] = &[$(stringify!($name)),*];
    };
}

with_corpus!(played);

/// A flow or a transcript without its test would be dead weight.
#[test]
fn every_flow_is_talked_to() {
    let entries = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let found: BTreeSet<String> = entries.filter(|name| name != "assets").collect();
    let mut expected = BTreeSet::new();
    for name in NAMES {
        let transcript = std::fs::read_to_string(folder().join(format!("{name}.txt"))).unwrap();
        expected.extend([format!("{name}.txt"), format!("{name}.ygtc")]);
        expected.extend(further_flows(&transcript).iter().map(|flow| format!("{flow}.ygtc")));
    }
    assert_eq!(found, expected);
}
