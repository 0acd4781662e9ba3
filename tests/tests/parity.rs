//! The same pack on our host, linked lazily; on our host and under `wasmtime serve`, composed; and on Spin: the same
//! answers, session records, keys and publications, to the byte, and only the documented differences (docs/deploy.md).
//!
//! One body of cases, one test for each case and way to serve. What our host does is the reference: a case runs on it,
//! runs again the other way, with servers of its own, and what is left of both runs is compared. Real Spin and `wasmtime`
//! are used where they are installed; a host of the tests' own stands in for Spin everywhere.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests stop at a broken assumption"
)]

#[path = "parity/conversations.rs"]
mod conversations;
#[path = "parity/modes.rs"]
mod modes;
#[path = "parity/nodes.rs"]
mod nodes;
#[path = "parity/observed.rs"]
mod observed;
#[path = "parity/outages.rs"]
mod outages;
#[path = "parity/scene.rs"]
mod scene;
#[path = "parity/sending.rs"]
mod sending;

/// A module for each case with a test for each way to serve, so that a failure names both.
macro_rules! in_every_mode {
    ($($case:ident: $run:path;)*) => { $(
        mod $case {
            use crate::modes::Mode;

            #[tokio::test(flavor = "multi_thread")]
            async fn on_our_host() {
                $run(Mode::OurHost).await;
            }
            #[tokio::test(flavor = "multi_thread")]
            async fn composed_on_our_host() {
                $run(Mode::ServeComponent).await;
            }
            #[tokio::test(flavor = "multi_thread")]
            async fn under_wasmtime_serve() {
                $run(Mode::WasmtimeServe).await;
            }
            #[tokio::test(flavor = "multi_thread")]
            async fn on_the_tests_spin_host() {
                $run(Mode::SpinHost).await;
            }
            #[tokio::test(flavor = "multi_thread")]
            async fn on_real_spin() {
                $run(Mode::SpinUp).await;
            }
        }
    )* };
}

/// The same for what only composed components have.
macro_rules! in_every_composed_mode {
    ($($case:ident: $run:path;)*) => { $(
        mod $case {
            use crate::modes::Mode;

            #[tokio::test(flavor = "multi_thread")]
            async fn composed_on_our_host() {
                $run(Mode::ServeComponent).await;
            }
            #[tokio::test(flavor = "multi_thread")]
            async fn under_wasmtime_serve() {
                $run(Mode::WasmtimeServe).await;
            }
            #[tokio::test(flavor = "multi_thread")]
            async fn on_the_tests_spin_host() {
                $run(Mode::SpinHost).await;
            }
            #[tokio::test(flavor = "multi_thread")]
            async fn on_real_spin() {
                $run(Mode::SpinUp).await;
            }
        }
    )* };
}

in_every_mode! {
    turns: crate::conversations::turns;
    waits: crate::conversations::waits;
    the_same_delivery_again: crate::conversations::repeated;
    ten_messages_at_once: crate::conversations::ten_at_once;
    two_conversations: crate::conversations::two_conversations;
    what_is_refused: crate::conversations::refused;
    redis_away: crate::outages::redis_away;
    nats_away: crate::outages::nats_away;
    a_node_that_fails: crate::nodes::failing;
    a_node_that_traps: crate::nodes::trapping;
}

in_every_composed_mode! {
    in_turns_with_our_host: crate::conversations::in_turns_with_our_host;
    direct_egress: crate::sending::direct;
    egress_trigger: crate::sending::trigger;
}
