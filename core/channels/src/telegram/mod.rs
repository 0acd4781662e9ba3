//! Telegram (Bot API): one `Update` a webhook in, API calls out (spec/channels/PROTOCOLS.md §3).
//!
//! The shared secret header is the only proof there is, so a channel without a configured secret refuses everything.
//! An authentic update that is not understood is answered 200: any other status makes Telegram hold back that chat's
//! queue and send it again.

mod api;
mod attachments;
mod command;
mod compose;
mod decode;
mod events;
mod outcome;
mod render;
mod settings;
mod update;
mod verify;
mod written;

#[cfg(test)]
mod tests;

use crate::{Answer, RawRequest, Received, Secret};

pub use outcome::outcome;
pub use render::{RenderError, render};
pub use settings::{Settings, SettingsError};

/// Short name of the channel, as in `/webhook/{provider}/…`.
pub const NAME: &str = "telegram";
/// Name of the secret that Telegram repeats in each webhook (`setWebhook`, `secret_token`).
pub const SECRET_TOKEN: &str = "secret_token";
/// Name of the secret that lets the bot send.
pub const BOT_TOKEN: &str = "bot_token";
/// Where the API is unless `api_base_url` says otherwise.
pub const API_HOST: &str = "api.telegram.org";
/// Longest text of one message, in UTF-16 code units.
pub const TEXT_LIMIT: u32 = 4096;

/// Verifies and decodes one webhook. The order is the rule: nothing of a body is read before its sender is proved.
pub fn webhook(request: &RawRequest<'_>, secret_token: Option<&Secret>, settings: &Settings) -> Received {
    if request.method != "POST" {
        return Received::refused(Answer::problem(405, "Method Not Allowed").with_header("allow", "POST"));
    }
    if !verify::is_authentic(request, secret_token) {
        return Received::refused(Answer::problem(403, "Forbidden"));
    }
    match decode::decode(request.body, settings.bot_username.as_deref()) {
        Ok(message) => Received::accepted(message.into_iter().collect()),
        Err(decode::NotAnUpdate) => Received::refused(Answer::problem(400, "Bad Request")),
    }
}
