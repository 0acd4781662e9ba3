//! The components that the binary carries inside it. A new built-in channel is one line here.

use greentic_host::load::Builtins;

pub const BUILTINS: Builtins = Builtins {
    edge: greentic_artifacts::EDGE,
    egress_nats: greentic_artifacts::EGRESS_NATS,
    providers: &[("messaging-telegram", greentic_artifacts::TELEGRAM)],
};
