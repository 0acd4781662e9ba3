//! One connection to one Redis server over a stream: one command at a time, each answered within a second or not at all.
//!
//! After an error the connection is over: an answer that comes late must not be taken for the next command's. No error
//! shows a password or an argument.

use crate::address::ServerUrl;
use crate::clock::{Deadline, Instant, SECOND};
use crate::session::{Redis, RedisError};
use crate::socket::{Socket, SocketError};
use crate::stream::{Channel, Stream};
use crate::tls::Tls;
use greentic_session::resp::{self, RespError};
use greentic_session::steps::{Command, Reply};

/// For name, connection and handshake together. A Redis that takes a second is one that a webhook can't wait for.
const CONNECT_TIMEOUT: Instant = SECOND;

/// For one answer: scripts run for microseconds.
const ANSWER_TIMEOUT: Instant = SECOND;

const DEFAULT_PORT: u16 = 6379;

#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    #[error("`redis_url` is no redis://[user:password@]host[:port][/db] (rediss:// for TLS)")]
    Url,
    #[error(transparent)]
    Socket(#[from] SocketError),
    #[error(transparent)]
    Resp(#[from] RespError),
    #[error("Redis did not answer {0} in time")]
    Timeout(&'static str),
    #[error("Redis refused {command}: {reason}")]
    Refused { command: &'static str, reason: String },
}

/// Where a Redis is and how to sign in.
pub struct Server<'a> {
    pub url: &'a str,
    /// Used when the URL has none.
    pub password: Option<&'a str>,
    /// PEM, in place of the web's authorities.
    pub authorities: Option<&'a str>,
}

pub struct Client {
    channel: Channel,
    input: Vec<u8>,
}

impl Client {
    pub fn connect(server: &Server<'_>) -> Result<Client, ClientError> {
        let url = ServerUrl::parse(server.url).ok_or(ClientError::Url)?;
        let tls = match url.scheme.as_str() {
            "redis" => false,
            "rediss" => true,
            _ => return Err(ClientError::Url),
        };
        let database: u32 = if url.path.is_empty() { 0 } else { url.path.parse().map_err(|_| ClientError::Url)? };
        let deadline = Deadline::after(CONNECT_TIMEOUT);
        let socket = Socket::connect_to(&url.host, url.port.unwrap_or(DEFAULT_PORT), &deadline)?;
        let channel = if tls {
            Channel::Tls(Box::new(Tls::connect(socket, &url.host, server.authorities, &deadline)?))
        } else {
            Channel::Plain(socket)
        };
        let mut client = Client { channel, input: Vec::new() };
        if let Some(password) = url.password.as_deref().or(server.password) {
            let credentials = url.user.as_deref().into_iter().chain([password]);
            client.run(&Command::plain("AUTH", credentials))?;
        }
        if database != 0 {
            client.run(&Command::plain("SELECT", [database.to_string()]))?;
        }
        Ok(client)
    }

    /// Sends a command that has to succeed.
    fn run(&mut self, command: &Command) -> Result<(), ClientError> {
        match self.ask(command)? {
            Ok(_) => Ok(()),
            Err(reason) => Err(ClientError::Refused { command: command.name, reason }),
        }
    }

    /// Sends one command and waits for its answer, or for the server's error text.
    fn ask(&mut self, command: &Command) -> Result<Result<Vec<Reply>, String>, ClientError> {
        let deadline = Deadline::after(ANSWER_TIMEOUT);
        let mut output = Vec::new();
        resp::encode(command.name, command.arguments.iter().map(Vec::as_slice), &mut output);
        let mut rest = output.as_slice();
        loop {
            let sent_all = rest.is_empty();
            while !rest.is_empty() {
                let written = self.channel.write(rest)?;
                if written == 0 {
                    break;
                }
                rest = rest.get(written..).unwrap_or_default();
            }
            if rest.is_empty() && !sent_all {
                self.channel.flush()?;
            }
            let came = self.channel.read()?;
            self.input.extend_from_slice(&came);
            if !came.is_empty()
                && let Some(received) = resp::decode(&self.input)?
            {
                self.input.drain(..received.length);
                return Ok(received.answer);
            }
            // Looked at in every round: a server that never stops talking must not keep us from giving up.
            if deadline.passed() {
                return Err(ClientError::Timeout(command.name));
            }
            if came.is_empty() {
                self.channel.wait(!rest.is_empty(), &deadline);
            }
        }
    }
}

impl Redis for Client {
    fn command(&mut self, command: &Command) -> Result<Vec<Reply>, RedisError> {
        let answer = self.ask(command).map_err(|error| RedisError::Unavailable(error.to_string()))?;
        answer.map_err(|reason| RedisError::told(&reason))
    }
}
