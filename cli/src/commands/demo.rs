//! `greentic-edge demo`: the whole product on one machine, with nothing installed: demo bundle, memory store, in-process
//! bus, and a stand-in for Telegram's servers that shows what the bot says.

use super::serve::{Serving, block_on, serve};
use crate::demo::{bundle, platform, try_lines};
use crate::{logging, output};
use clap::Args;
use greentic_host::config::Config;
use greentic_host::secrets::{FixedSecrets, Secret};
use std::collections::BTreeMap;

#[derive(Args)]
#[command(
    after_help = "Example:\n  greentic-edge demo --port 9000\n\nNothing is kept: conversations end with the process."
)]
pub struct Demo {
    /// Port to listen on; 0 takes a free one
    #[arg(long, default_value_t = 8080)]
    port: u16,
}

impl Demo {
    pub fn run(&self) -> anyhow::Result<()> {
        let config = Config::load(None, &[("server.port", self.port.to_string())])?;
        // The demo is what it says: it must not find somebody's real Redis in the environment.
        let config =
            Config { redis: Default::default(), nats: Default::default(), session: Default::default(), ..config };
        logging::start(&config.logging)?;
        output::note("building and signing the demo pack (the first start compiles for some seconds)");
        let directory = bundle::unpack()?;
        let secret_token = random_token()?;
        let secrets = FixedSecrets(BTreeMap::from([
            ("telegram_secret_token".to_owned(), Secret::new(secret_token.clone().into_bytes())),
            ("telegram_bot_token".to_owned(), Secret::new(b"1:DEMO".to_vec())),
        ]));
        block_on(&config, async {
            let platform = platform::start().await?;
            let settings = BTreeMap::from([("api_base_url".to_owned(), platform.into())]);
            let what = Serving { directory: directory.path(), secrets: &secrets, trust_directories: true, settings };
            serve(&config, what, |url| output::line(&try_lines(url, &secret_token))).await
        })
    }
}

/// 128 bits in hex: what the demo's webhook asks for in Telegram's secret header.
fn random_token() -> anyhow::Result<String> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).map_err(|error| anyhow::anyhow!("no randomness: {error}"))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
