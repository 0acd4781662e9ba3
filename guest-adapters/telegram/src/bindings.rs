//! The world `channel-provider`, generated from `wit/edge`, and the export of this component. Nothing else here.
#![allow(
    unsafe_code,
    clippy::allow_attributes_without_reason,
    reason = "generated: the canonical ABI passes raw pointers, and the generator gives its own attributes no reasons"
)]

use crate::Telegram;

wit_bindgen::generate!({
    path: "../../wit/edge",
    world: "channel-provider",
});

export!(Telegram with_types_in self);
