//! Where a case is played: servers of its own, a channel served in one or several ways, and a platform's requests to it.

use crate::modes::{Channel, Egress, Mode, Served};
use crate::observed::{Observed, observe};
use greentic_host::bus::nats::{Credentials, NatsInlet};
use greentic_tests::{Bundle, Nats, PATIENCE, Redis, SECRET_TOKEN, until};
use reqwest::{RequestBuilder, Response};
use serde_json::Value;

/// A platform for cases in which nothing is sent. The same in every run, so that a component is compiled once.
pub const NOBODY: &str = "http://127.0.0.1:9";

pub const SECRET_HEADER: &str = "X-Telegram-Bot-Api-Secret-Token";

pub struct Servers {
    pub redis: Redis,
    pub nats: Nats,
}

impl Servers {
    /// `None` when one isn't installed.
    pub async fn start() -> Option<Servers> {
        Some(Servers { redis: Redis::start().await?, nats: Nats::start().await? })
    }

    pub fn redis_address(&self) -> String {
        self.redis.url().trim_start_matches("redis://").to_owned()
    }

    pub fn nats_address(&self) -> String {
        self.nats.url().trim_start_matches("nats://").to_owned()
    }

    /// The streams, made by our host's own code: other hosts find them there.
    pub async fn make_streams(&self) {
        let connected = NatsInlet::connect(&[self.nats.url()], &Credentials::None, PATIENCE, true).await;
        connected.unwrap().ensure_streams().await.unwrap();
    }
}

impl Channel {
    pub fn demo(platform: &str) -> Channel {
        Channel::of(Bundle::demo(platform), platform)
    }

    pub fn with_flow(platform: &str, flow: &str, components: &[(&str, &[u8])]) -> Channel {
        Channel::of(Bundle::with_flow(platform, flow, components), platform)
    }

    /// `pack compose` knows no bundle, so what a bundle could say of errors stays at its default.
    fn of(bundle: Bundle, platform: &str) -> Channel {
        bundle.edit(|text| text.replace("error_message: Something went wrong.\n", ""));
        Channel { bundle, platform: platform.to_owned() }
    }
}

/// What a platform is answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    pub status: u16,
    pub content_type: Option<String>,
    /// Whether it is told when to come again.
    pub retry_after: bool,
    /// Without `instance`, the id of a request.
    pub body: Value,
}

impl Answer {
    async fn read(response: Response) -> Answer {
        let header = |name: &str| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        let (content_type, retry_after) = (header("content-type"), header("retry-after").is_some());
        let status = response.status().as_u16();
        let text = response.text().await.unwrap();
        let mut body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        if let Some(members) = body.as_object_mut() {
            members.remove("instance");
        }
        Answer { status, content_type, retry_after, body }
    }
}

pub struct Scene {
    /// One, or several on the same servers.
    pub doors: Vec<Served>,
    pub servers: Servers,
    client: reqwest::Client,
}

impl Scene {
    /// `None` when a program isn't installed.
    pub async fn open(channel: &Channel, modes: &[Mode], egress: Egress) -> Option<Scene> {
        if !modes.iter().all(|mode| mode.is_installed()) {
            return None;
        }
        let servers = Servers::start().await?;
        let mut doors = Vec::new();
        for mode in modes {
            doors.push(mode.serve(channel, &servers, egress).await?);
        }
        let client = reqwest::Client::builder().timeout(PATIENCE).build().unwrap();
        Some(Scene { doors, servers, client })
    }

    /// A request below the served address, without a secret.
    pub fn to(&self, path: &str, body: impl Into<reqwest::Body>) -> RequestBuilder {
        let request = self.client.post(format!("{}{path}", self.doors[0].url));
        request.header("Content-Type", "application/json").body(body)
    }

    pub async fn send(&self, request: RequestBuilder) -> Answer {
        Answer::read(request.send().await.unwrap()).await
    }

    /// What the platform sends of an update.
    pub async fn post(&self, update: &str) -> Answer {
        self.post_at(0, update).await
    }

    pub async fn post_at(&self, door: usize, update: &str) -> Answer {
        let url = format!("{}/webhook/telegram/demo/default", self.doors[door].url);
        let request = self.client.post(url).header("Content-Type", "application/json");
        self.send(request.header(SECRET_HEADER, SECRET_TOKEN).body(update.to_owned())).await
    }

    /// Posts again for as long as it is told to come later.
    pub async fn deliver(&self, update: &str) -> Answer {
        until("an update to be accepted", || async move {
            let answer = self.post(update).await;
            assert!(matches!(answer.status, 200 | 503 | 504), "{answer:?}");
            (answer.status == 200).then_some(answer)
        })
        .await
    }

    /// Posts a published message to the egress trigger.
    pub async fn trigger(&self, token: Option<&str>, message: &[u8]) -> Answer {
        let url = self.doors[0].egress_url.as_ref().expect("an egress trigger");
        let request = self.client.post(url).header("Content-Type", "application/json").body(message.to_vec());
        self.send(token.into_iter().fold(request, RequestBuilder::bearer_auth)).await
    }
}

/// Plays a case and looks at what is left of it. `None` when a program isn't installed.
pub async fn play(
    channel: &Channel,
    modes: &[Mode],
    published: u64,
    script: &impl AsyncFn(&mut Scene) -> Vec<Answer>,
) -> Option<Observed> {
    let mut scene = Scene::open(channel, modes, Egress::Nats).await?;
    let answers = script(&mut scene).await;
    Some(observe(&scene, answers, published).await)
}

/// Plays a case on our host and then in `mode`: both must leave the same, which is given back for what the case itself
/// expects.
pub async fn play_as_our_host(
    mode: Mode,
    channel: &Channel,
    published: u64,
    script: impl AsyncFn(&mut Scene) -> Vec<Answer>,
) -> Option<Observed> {
    if !mode.is_installed() {
        return None;
    }
    let ours = play(channel, &[Mode::OurHost], published, &script).await?;
    if mode != Mode::OurHost {
        let theirs = play(channel, &[mode], published, &script).await?;
        assert_eq!(theirs, ours, "{mode:?} (left) and our host (right)");
    }
    Some(ours)
}
