//! The steps of a turn as Redis commands: which script, which keys, which arguments, and what its reply means.
//!
//! The rule: nobody else builds a script's call or reads its reply. So whoever runs a step, our host or an adapter in a
//! composed component, does the same to the same keys, and they can take turns on one conversation. Replies are read in
//! their flat form, nested lists spelt out one after the other: Spin's outbound Redis gives no other, and the flat form
//! of any reply can be made. Connections, retries and waiting are the caller's.

use crate::scripts::{self, COUNTER_MS, INDEX, RESERVATION, WAITER_MS, holder};
use crate::{OutboxEntry, OutboxError, Publication, StoredKey};
use std::fmt;

/// One value of a flat reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    Nil,
    Status(String),
    Int(i64),
    Bytes(Vec<u8>),
}

/// A script and the name by which Redis knows it once it has seen it.
#[derive(Debug, PartialEq, Eq)]
pub struct Script {
    pub text: &'static str,
    /// Written down instead of computed on each start; a test computes it.
    pub sha1: &'static str,
}

pub static BEGIN: Script = Script { text: scripts::BEGIN, sha1: "f786225e948e576a68b21a7902017b86a915eb5e" };
pub static COMMIT: Script = Script { text: scripts::COMMIT, sha1: "942f11f86eddac2222c9960f4f55cea96bd049bc" };
pub static SETTLE: Script = Script { text: scripts::SETTLE, sha1: "f2c0af1628fa809f7bb6338e7f2222973f3ab16f" };
pub static RELEASE: Script = Script { text: scripts::RELEASE, sha1: "b7cbda62f820456e0496cf6762f1d587d4de1235" };
pub static RENEW: Script = Script { text: scripts::RENEW, sha1: "3d439ed4760f5ad676eff6ed3a4adf5bcaf79d44" };
pub static RECOVER: Script = Script { text: scripts::RECOVER, sha1: "2cb7900031f33a1ff636f8f42f13652deff3ef6c" };
pub static MARK: Script = Script { text: scripts::MARK, sha1: "9ff34def8053da4b445681dfeec042f540d14deb" };
pub static UNMARK: Script = Script { text: scripts::UNMARK, sha1: "0a1216a5e7019583d3a376aabf49490961e72ddb" };
pub static ORPHANS: Script = Script { text: scripts::ORPHANS, sha1: "cd431be9c2a9ee431cf2349c7a53402728bd3d8a" };
pub static RESERVE: Script = Script { text: scripts::RESERVE, sha1: "365ebfce89cc33ad47527e8ef90838747f29d483" };

/// Every script, in the order to load them: `mark` before `commit`, so that a Redis that can commit can mark.
pub static LOAD_ORDER: [&Script; 10] =
    [&MARK, &COMMIT, &BEGIN, &SETTLE, &RELEASE, &RENEW, &RECOVER, &UNMARK, &ORPHANS, &RESERVE];

/// One command, ready to be sent. Each may be sent again when its answer was lost.
#[derive(Clone, PartialEq, Eq)]
pub struct Command {
    pub name: &'static str,
    pub arguments: Vec<Vec<u8>>,
    script: Option<&'static Script>,
}

/// Without arguments: they hold ids and what users said.
impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Command").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Command {
    pub fn plain<A: Into<Vec<u8>>>(name: &'static str, arguments: impl IntoIterator<Item = A>) -> Command {
        Command { name, arguments: arguments.into_iter().map(Into::into).collect(), script: None }
    }

    fn script(script: &'static Script, keys: impl IntoIterator<Item = String>) -> Command {
        let mut arguments: Vec<Vec<u8>> = vec![script.sha1.into(), Vec::new()];
        arguments.extend(keys.into_iter().map(String::into_bytes));
        let keys = arguments.len().saturating_sub(2).to_string();
        if let Some(count) = arguments.get_mut(1) {
            *count = keys.into_bytes();
        }
        Command { name: "EVALSHA", arguments, script: Some(script) }
    }

    fn text(mut self, argument: impl ToString) -> Command {
        self.arguments.push(argument.to_string().into_bytes());
        self
    }

    fn bytes(mut self, argument: impl Into<Vec<u8>>) -> Command {
        self.arguments.push(argument.into());
        self
    }

    /// The same with the script's text instead of its name, for a Redis that said NOSCRIPT: it knows the name then.
    pub fn with_text(mut self) -> Command {
        if let (Some(script), Some(name)) = (self.script, self.arguments.first_mut()) {
            self.name = "EVAL";
            *name = script.text.into();
        }
        self
    }
}

/// Who holds a conversation's lease.
#[derive(Clone, Copy)]
pub struct Holder<'a> {
    pub key: &'a StoredKey,
    /// Grows with every turn of the conversation.
    pub token: u64,
    /// Unique among all turns of all hosts.
    pub ticket: &'a str,
}

/// What a turn stores.
pub struct Commit<'a> {
    /// None deletes the record.
    pub session: Option<&'a [u8]>,
    /// How long the record lives without another message. Not 0 with a record.
    pub record_ms: u64,
    /// How long the delivery is remembered.
    pub dedup_ms: u64,
    pub outbox: &'a [Publication],
    pub delivery: &'a str,
}

/// A lease that was granted.
#[derive(Debug, PartialEq, Eq)]
pub struct Grant {
    pub token: u64,
    /// The record as last committed.
    pub session: Option<Vec<u8>>,
    /// Committed by earlier turns and not known to be published, in order.
    pub unsent: Vec<Publication>,
}

/// What `begin` said.
#[derive(Debug, PartialEq, Eq)]
pub enum Begun {
    New(Grant),
    /// Committed before, with something left to publish.
    Again(Grant),
    /// Committed before, with nothing left to do for this caller.
    Done,
    /// Queued, with so many ahead. Ask again within [`WAITER_MS`].
    Busy {
        ahead: u64,
    },
}

/// What `recover` said.
#[derive(Debug, PartialEq, Eq)]
pub enum Recovered {
    /// The lease, and the outbox's entries as they are stored: [`outbox`] reads them. Mark the conversation first, so
    /// that an outbox that can't be read does not stay first in line.
    Granted { token: u64, entries: Vec<Reply> },
    /// Nothing to publish and nobody who might commit: the index may forget it.
    Empty,
    /// Somebody holds the lease or waits for it, and will publish.
    Alive,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StepError {
    /// Only when somebody else writes to our keys, or runs scripts of another version under our names.
    #[error("Redis gave an answer of an unknown shape")]
    Unexpected,
    #[error(transparent)]
    Outbox(#[from] OutboxError),
}

pub fn begin(key: &StoredKey, delivery: &str, ticket: &str, lease_ms: u64) -> Command {
    let keys = ["s", "l", "n", "o"].map(|part| key.redis(part)).into_iter();
    let keys = keys.chain([key.delivery(delivery), key.redis("q"), key.redis("w")]);
    Command::script(&BEGIN, keys).text(ticket).text(lease_ms).text(WAITER_MS).text(COUNTER_MS)
}

pub fn begun(replies: Vec<Reply>) -> Result<Begun, StepError> {
    let mut answer = Answer(replies.into_iter());
    match answer.word()?.as_slice() {
        b"new" => Ok(Begun::New(answer.grant()?)),
        b"again" => Ok(Begun::Again(answer.grant()?)),
        b"done" => Ok(Begun::Done),
        b"busy" => Ok(Begun::Busy { ahead: answer.number()? }),
        _ => Err(StepError::Unexpected),
    }
}

/// Goes before `commit` when the outbox holds anything.
pub fn mark(key: &StoredKey) -> Command {
    Command::script(&MARK, [INDEX.to_owned()]).text(key.tag())
}

/// Takes the conversation out of the index, unless it was marked anew.
pub fn unmark(key: &StoredKey, mark: u64) -> Command {
    Command::script(&UNMARK, [INDEX.to_owned()]).text(key.tag()).text(mark)
}

pub fn commit(holder: &Holder<'_>, lease_ms: u64, commit: &Commit<'_>) -> Result<Command, StepError> {
    let Holder { key, token, .. } = *holder;
    let keys = ["s", "l", "n", "o"].map(|part| key.redis(part)).into_iter().chain([key.delivery(commit.delivery)]);
    let record_ms = if commit.session.is_some() { commit.record_ms } else { 0 };
    let command = Command::script(&COMMIT, keys)
        .text(holder.name())
        .text(lease_ms)
        .text(record_ms)
        .bytes(commit.session.unwrap_or_default())
        .text(commit.dedup_ms);
    let entries = OutboxEntry::encode_all(token, commit.outbox)?;
    Ok(entries.into_iter().fold(command, |command, (id, bytes)| command.text(id).bytes(bytes)))
}

/// Gives the number of entries left.
pub fn settle(holder: &Holder<'_>, ids: &[String]) -> Command {
    let keys = ["l", "n", "o"].map(|part| holder.key.redis(part));
    let command = Command::script(&SETTLE, keys).text(holder.name()).text(COUNTER_MS);
    ids.iter().fold(command, Command::text)
}

/// Gives up the ticket's lease, or its place in the queue.
pub fn release(key: &StoredKey, ticket: &str) -> Command {
    Command::script(&RELEASE, ["l", "q", "w"].map(|part| key.redis(part))).text(ticket)
}

pub fn renew(holder: &Holder<'_>, lease_ms: u64) -> Command {
    Command::script(&RENEW, [holder.key.redis("l")]).text(holder.name()).text(lease_ms)
}

/// When the conversation was last marked, for `unmark`. To be asked before `recover` looks at the outbox: whoever fills
/// it after that has marked it after that, and stays in the index.
pub fn known_mark(key: &StoredKey) -> Command {
    Command::plain("ZSCORE", [INDEX, key.tag()])
}

pub fn recover(key: &StoredKey, ticket: &str, lease_ms: u64) -> Command {
    let keys = ["l", "n", "o", "q", "w"].map(|part| key.redis(part));
    Command::script(&RECOVER, keys).text(ticket).text(lease_ms).text(WAITER_MS)
}

pub fn recovered(replies: Vec<Reply>) -> Result<Recovered, StepError> {
    let mut answer = Answer(replies.into_iter());
    match answer.word()?.as_slice() {
        b"granted" => Ok(Recovered::Granted { token: answer.number()?, entries: answer.0.collect() }),
        b"empty" => Ok(Recovered::Empty),
        b"alive" => Ok(Recovered::Alive),
        _ => Err(StepError::Unexpected),
    }
}

pub fn orphans(older_than_micros: u64, limit: usize) -> Command {
    Command::script(&ORPHANS, [INDEX.to_owned()]).text(older_than_micros).text(limit)
}

pub fn tags(replies: Vec<Reply>) -> Result<Vec<StoredKey>, StepError> {
    let text = |reply| match reply {
        Reply::Bytes(bytes) => String::from_utf8(bytes).map_err(|_| StepError::Unexpected),
        _ => Err(StepError::Unexpected),
    };
    replies.into_iter().map(|reply| text(reply).map(StoredKey::from_tag)).collect()
}

pub fn reserve(name: &str, holder: &str, time_ms: u64) -> Command {
    Command::script(&RESERVE, [format!("{RESERVATION}{name}")]).text(holder).text(time_ms)
}

pub fn ping() -> Command {
    Command::plain("PING", [""; 0])
}

/// The publications among an outbox's entries, in order.
pub fn outbox(entries: Vec<Reply>) -> Result<Vec<Publication>, StepError> {
    let bytes = |entry| match entry {
        Reply::Bytes(bytes) => Ok(bytes),
        _ => Err(StepError::Unexpected),
    };
    let stored: Vec<Vec<u8>> = entries.into_iter().map(bytes).collect::<Result<_, _>>()?;
    Ok(OutboxEntry::decode_all(&stored)?)
}

/// A reply that is one number: what `mark`, `settle` and `commit` (1, or 0 when fenced), `renew` and `reserve` give.
pub fn number(replies: Vec<Reply>) -> Result<u64, StepError> {
    Answer(replies.into_iter()).number()
}

/// A reply that is one score, or none: what [`known_mark`] gives. Microseconds since 1970 fit a score exactly.
pub fn score(replies: Vec<Reply>) -> Result<Option<u64>, StepError> {
    match replies.as_slice() {
        [Reply::Nil] => Ok(None),
        [Reply::Bytes(text)] => {
            let score = std::str::from_utf8(text).ok().and_then(|text| text.parse::<f64>().ok());
            score.map(|score| Some(score as u64)).ok_or(StepError::Unexpected)
        }
        _ => Err(StepError::Unexpected),
    }
}

impl Holder<'_> {
    fn name(&self) -> String {
        holder(self.token, self.ticket)
    }
}

/// What a script gave, read from the front.
struct Answer(std::vec::IntoIter<Reply>);

impl Answer {
    fn word(&mut self) -> Result<Vec<u8>, StepError> {
        match self.0.next() {
            Some(Reply::Bytes(word)) => Ok(word),
            Some(Reply::Status(word)) => Ok(word.into_bytes()),
            _ => Err(StepError::Unexpected),
        }
    }

    fn number(&mut self) -> Result<u64, StepError> {
        match self.0.next() {
            Some(Reply::Int(number)) => u64::try_from(number).map_err(|_| StepError::Unexpected),
            _ => Err(StepError::Unexpected),
        }
    }

    fn grant(mut self) -> Result<Grant, StepError> {
        let token = self.number()?;
        let session = match self.0.next() {
            Some(Reply::Bytes(record)) => Some(record),
            Some(Reply::Nil) => None,
            _ => return Err(StepError::Unexpected),
        };
        Ok(Grant { token, session, unsent: outbox(self.0.collect())? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key() -> StoredKey {
        StoredKey::from_tag("dev:acme:default:telegram:1:2".to_owned())
    }

    fn bytes(text: &str) -> Reply {
        Reply::Bytes(text.as_bytes().to_vec())
    }

    fn shown(command: &Command) -> Vec<String> {
        command.arguments.iter().map(|argument| String::from_utf8_lossy(argument).into_owned()).collect()
    }

    #[test]
    fn the_names_of_the_scripts_are_their_digests() {
        for script in LOAD_ORDER {
            let computed = sha1_smol::Sha1::from(script.text).digest().to_string();
            assert_eq!(script.sha1, computed, "a script was changed: write its new digest down\n{}", script.text);
        }
    }

    #[test]
    fn a_call_names_its_keys_and_can_carry_the_text_instead() {
        let holder = Holder { key: &key(), token: 7, ticket: "t" };
        let command = settle(&holder, &["a".to_owned(), "b".to_owned()]);
        let base = "greentic:{dev:acme:default:telegram:1:2}";
        let counter = COUNTER_MS.to_string();
        let expected = [
            SETTLE.sha1,
            "3",
            &format!("{base}:l"),
            &format!("{base}:n"),
            &format!("{base}:o"),
            "7:t",
            &counter,
            "a",
            "b",
        ];
        assert_eq!((command.name, shown(&command)), ("EVALSHA", expected.map(str::to_owned).to_vec()));

        let with_text = command.clone().with_text();
        assert_eq!(with_text.name, "EVAL");
        assert_eq!(shown(&with_text)[0], scripts::SETTLE);
        assert_eq!(with_text.arguments[1..], command.arguments[1..]);
        assert_eq!(ping().with_text(), ping());
    }

    #[test]
    fn a_commit_without_a_record_deletes_it() {
        let holder = Holder { key: &key(), token: 7, ticket: "t" };
        let commit_of = |session| {
            let what = Commit { session, record_ms: 60_000, dedup_ms: 5, outbox: &[], delivery: "d" };
            shown(&commit(&holder, 30, &what).unwrap())[7..].to_vec()
        };
        assert_eq!(commit_of(Some(b"record")), ["7:t", "30", "60000", "record", "5"]);
        assert_eq!(commit_of(None), ["7:t", "30", "0", "", "5"]);
    }

    #[test]
    fn flat_replies_are_read() {
        let publication =
            Publication { id: "i".into(), subject: "s".into(), headers: Vec::new(), payload: b"p".to_vec() };
        let (_, entry) = OutboxEntry::encode_all(3, std::slice::from_ref(&publication)).unwrap().remove(0);
        let new = begun(vec![bytes("new"), Reply::Int(4), Reply::Nil, Reply::Bytes(entry.clone())]);
        assert_eq!(new, Ok(Begun::New(Grant { token: 4, session: None, unsent: vec![publication] })));
        let again = begun(vec![bytes("again"), Reply::Int(5), bytes("record")]);
        let record = Some(b"record".to_vec());
        assert_eq!(again, Ok(Begun::Again(Grant { token: 5, session: record, unsent: Vec::new() })));
        assert_eq!(begun(vec![bytes("done")]), Ok(Begun::Done));
        assert_eq!(begun(vec![bytes("busy"), Reply::Int(2)]), Ok(Begun::Busy { ahead: 2 }));

        let granted = recovered(vec![bytes("granted"), Reply::Int(9), Reply::Bytes(entry.clone())]);
        assert_eq!(granted, Ok(Recovered::Granted { token: 9, entries: vec![Reply::Bytes(entry)] }));
        assert_eq!(recovered(vec![bytes("empty")]), Ok(Recovered::Empty));
        assert_eq!(score(vec![bytes("1795400000123456")]), Ok(Some(1_795_400_000_123_456)));
        // Redis 6 and older write large scores so.
        assert_eq!(score(vec![bytes("1.7954e+15")]), Ok(Some(1_795_400_000_000_000)));
        assert_eq!(score(vec![Reply::Nil]), Ok(None));
        assert_eq!(tags(vec![bytes("a"), bytes("b")]).unwrap().len(), 2);
    }

    #[test]
    fn a_strange_reply_is_an_error() {
        let strange = [
            vec![],
            vec![bytes("newer")],
            vec![bytes("new")],
            vec![bytes("new"), Reply::Int(-1), Reply::Nil],
            vec![bytes("new"), Reply::Int(1), Reply::Int(1)],
            vec![bytes("new"), Reply::Int(1), Reply::Nil, Reply::Nil],
            vec![bytes("busy"), Reply::Nil],
        ];
        for replies in strange {
            assert_eq!(begun(replies.clone()), Err(StepError::Unexpected), "{replies:?}");
        }
        assert!(matches!(begun(vec![bytes("new"), Reply::Int(1), Reply::Nil, bytes("x")]), Err(StepError::Outbox(_))));
        assert_eq!(number(vec![Reply::Nil]), Err(StepError::Unexpected));
        assert_eq!(score(vec![bytes("many")]), Err(StepError::Unexpected));
    }

    fn replies() -> impl Strategy<Value = Vec<Reply>> {
        let reply = prop_oneof![
            Just(Reply::Nil),
            "[a-z]{0,7}".prop_map(Reply::Status),
            any::<i64>().prop_map(Reply::Int),
            prop::collection::vec(any::<u8>(), 0..40).prop_map(Reply::Bytes),
            prop::sample::select(vec!["new", "again", "done", "busy", "granted", "alive"]).prop_map(bytes),
        ];
        prop::collection::vec(reply, 0..6)
    }

    proptest! {
        #[test]
        fn no_reply_panics(replies in replies()) {
            let _ = begun(replies.clone());
            let _ = recovered(replies.clone());
            let _ = tags(replies.clone());
            let _ = number(replies.clone());
            let _ = score(replies.clone());
            let _ = outbox(replies);
        }
    }
}
