//! The demo's channel, composed and served, and what comes of a first message to it.

use greentic_tests::{
    BOT_TOKEN, Bundle, Composed, Nats, PATIENCE, Process, Redis, SECRET_TOKEN, Voice, command, spoken, text,
};
use greentic_types::subject::EGRESS_STREAM;
use std::sync::atomic::{AtomicI64, Ordering};
use tempfile::TempDir;
use url::Url;

pub const REDIS_URL: &str = "GREENTIC_REDIS_URL";
pub const REDIS_PASSWORD: &str = "GREENTIC_REDIS_PASSWORD";
pub const REDIS_CA: &str = "GREENTIC_REDIS_CA";
pub const NATS_URL: &str = "GREENTIC_NATS_URL";
pub const NATS_CREDENTIALS: &str = "GREENTIC_NATS_CREDENTIALS";
pub const NATS_CA: &str = "GREENTIC_NATS_CA";

/// Nobody listens there.
pub const NOWHERE: &str = "nats://127.0.0.1:9";

/// A platform for cases in which nothing is sent.
pub const PLATFORM: &str = "http://127.0.0.1:9";

/// What the demo says to the first message of a chat.
const GREETING: &str = "Hello! I am Greta. What shall we do?";

/// The component under `greentic-edge serve-component`; ends when dropped.
pub struct Door {
    process: Process,
    url: String,
    chat: i64,
    /// What it must not say.
    secrets: Vec<String>,
    _folder: TempDir,
}

impl Door {
    /// Told these settings, it may reach the servers that they name and no other.
    pub fn open(settings: &[(&str, &str)]) -> Door {
        let folder = tempfile::tempdir().unwrap();
        let composed = Composed::new(&Bundle::demo(PLATFORM), PLATFORM, folder.path(), "nats", "webhook");
        let tokens = [("GREENTIC_SECRET__BOT_TOKEN", BOT_TOKEN), ("GREENTIC_SECRET__SECRET_TOKEN", SECRET_TOKEN)];
        let mut command = command();
        command.args(["serve-component", &composed.file, "--port", "0"]);
        for (name, value) in settings.iter().copied().chain(tokens) {
            let known = composed.settings.iter().any(|setting| setting.variable == name);
            assert!(known, "`pack compose` does not name {name}");
            command.env(name, value).args(["--env", name]);
            if name.ends_with("_URL") {
                let url = Url::parse(value).unwrap();
                command.args(["--allow-tcp", &format!("{}:{}", url.host_str().unwrap(), url.port().unwrap())]);
            }
        }
        let secrets = settings.iter().filter_map(|(name, value)| secret(name, value));
        let secrets = secrets.chain(tokens.map(|(_, token)| token.to_owned())).collect();
        let (process, url) = Process::start(command, Voice::Stdout);
        Door { process, url, chat: new_chat(), secrets, _folder: folder }
    }

    /// Accepts a message and publishes the reply.
    pub async fn publishes(&self, redis: &Redis, nats: &Nats) {
        assert_eq!(post(&self.url, self.chat).await, 200);
        assert!(published(nats, self.chat).await);
        assert_eq!(kept(redis, self.chat).await, 0);
        self.is_discreet();
    }

    /// Accepts a message, keeps the reply, and says why.
    pub async fn keeps(&self, redis: &Redis, why: &str) {
        assert_eq!(post(&self.url, self.chat).await, 200);
        assert_eq!(kept(redis, self.chat).await, 1);
        self.process.says(why).await;
        self.is_discreet();
    }

    /// Refuses a message, and says why.
    pub async fn refuses(&self, why: &str) {
        assert_eq!(post(&self.url, self.chat).await, 503);
        self.process.says(why).await;
        self.is_discreet();
    }

    fn is_discreet(&self) {
        let said = self.process.said();
        assert!(!self.secrets.iter().any(|secret| said.contains(secret.as_str())), "{:?} in {said}", self.secrets);
    }
}

/// What of a setting is a secret.
fn secret(name: &str, value: &str) -> Option<String> {
    let secret = match name {
        REDIS_PASSWORD => value.to_owned(),
        NATS_CREDENTIALS => value.rsplit(':').next()?.to_owned(),
        REDIS_URL => Url::parse(value).unwrap().password()?.to_owned(),
        NATS_URL => {
            let url = Url::parse(value).unwrap();
            // A user alone is a token.
            url.password().unwrap_or(url.username()).to_owned()
        }
        _ => return None,
    };
    if secret.is_empty() { None } else { Some(secret) }
}

/// One that nobody has written in.
pub fn new_chat() -> i64 {
    static LAST: AtomicI64 = AtomicI64::new(0);
    LAST.fetch_add(1, Ordering::Relaxed) + 1
}

/// A chat's first message, as the platform posts it; gives the status.
pub async fn post(url: &str, chat: i64) -> u16 {
    let client = reqwest::Client::builder().timeout(PATIENCE).build().unwrap();
    let request = client
        .post(format!("{url}/webhook/telegram/demo/default"))
        .header("Content-Type", "application/json")
        .header("X-Telegram-Bot-Api-Secret-Token", SECRET_TOKEN)
        .body(text(chat as u64, chat, "hello"));
    request.send().await.unwrap().status().as_u16()
}

/// Whether the reply is in the stream, as the only one of its chat.
pub async fn published(nats: &Nats, chat: i64) -> bool {
    spoken(&nats.stream(EGRESS_STREAM).await, chat) == [GREETING]
}

/// How many replies wait in the outbox.
pub async fn kept(redis: &Redis, chat: i64) -> i64 {
    let key = format!("greentic:{{dev:demo:default:telegram:{chat}:{chat}}}:o");
    redis::cmd("HLEN").arg(key).query_async(&mut redis.connect().await).await.unwrap()
}
