//! Redis' protocol (RESP2) as bytes in and bytes out: commands to write, replies to read in the flat form of `steps`.
//!
//! For an adapter that has nothing but a socket. Whatever a server sends, nothing here panics, and no reply outgrows the
//! stated limits. Sockets and time are the caller's.

use crate::steps::Reply;

/// Longest single string: a record or an outbox entry is a few KiB, and a session's limit far below this.
const MAX_STRING: usize = 16 * 1024 * 1024;

/// Longest whole reply.
const MAX_REPLY: usize = 32 * 1024 * 1024;

/// Most values of a reply: an outbox of that many messages is none.
const MAX_VALUES: usize = 65_536;

/// How deep lists may nest; our scripts' nest two deep.
const MAX_DEPTH: usize = 8;

/// Longest line: a status, a number, a length, an error's text.
const MAX_LINE: usize = 4_096;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RespError {
    #[error("the server does not speak Redis' protocol: {0}")]
    Malformed(&'static str),
    #[error("the server sent {what} of more than {limit}")]
    TooLarge { what: &'static str, limit: usize },
}

/// A reply that is there as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// The values, or the server's error text, whose first word is its code.
    pub answer: Result<Vec<Reply>, String>,
    /// Bytes of input it took.
    pub length: usize,
}

/// Writes a command.
pub fn encode<'a>(name: &'a str, arguments: impl ExactSizeIterator<Item = &'a [u8]>, output: &mut Vec<u8>) {
    output.extend_from_slice(format!("*{}\r\n", arguments.len().saturating_add(1)).as_bytes());
    string(name.as_bytes(), output);
    for argument in arguments {
        string(argument, output);
    }
}

fn string(bytes: &[u8], output: &mut Vec<u8>) {
    output.extend_from_slice(format!("${}\r\n", bytes.len()).as_bytes());
    output.extend_from_slice(bytes);
    output.extend_from_slice(b"\r\n");
}

/// The first reply of the input, when all of it has come.
pub fn decode(input: &[u8]) -> Result<Option<Received>, RespError> {
    let mut reader = Reader { rest: input, values: Vec::new(), error: None };
    if !reader.value(MAX_DEPTH)? {
        return if input.len() > MAX_REPLY { Err(too_large("a reply", MAX_REPLY)) } else { Ok(None) };
    }
    let length = input.len().saturating_sub(reader.rest.len());
    let answer = reader.error.map_or(Ok(reader.values), Err);
    Ok(Some(Received { answer, length }))
}

struct Reader<'a> {
    rest: &'a [u8],
    values: Vec<Reply>,
    /// The first error among the values: with it the others say nothing.
    error: Option<String>,
}

impl Reader<'_> {
    /// Reads one value, however nested. False when the input ends before it.
    fn value(&mut self, depth: usize) -> Result<bool, RespError> {
        let Some(depth) = depth.checked_sub(1) else { return Err(too_large("lists in lists", MAX_DEPTH)) };
        let Some((kind, line)) = self.line()? else { return Ok(false) };
        let value = match kind {
            b'+' => Reply::Status(line),
            b':' => Reply::Int(line.parse().map_err(|_| RespError::Malformed("a number that is none"))?),
            b'-' => {
                self.error.get_or_insert(line);
                return Ok(true);
            }
            b'$' => match size(&line, "a string", MAX_STRING)? {
                None => Reply::Nil,
                Some(length) => match self.string(length)? {
                    None => return Ok(false),
                    Some(bytes) => Reply::Bytes(bytes),
                },
            },
            b'*' => match size(&line, "a list", MAX_VALUES)? {
                None => Reply::Nil,
                Some(count) => {
                    for _ in 0..count {
                        if !self.value(depth)? {
                            return Ok(false);
                        }
                    }
                    return Ok(true);
                }
            },
            _ => return Err(RespError::Malformed("a reply of unknown kind")),
        };
        self.values.push(value);
        if self.values.len() > MAX_VALUES { Err(too_large("values", MAX_VALUES)) } else { Ok(true) }
    }

    /// The first byte of a line and the others, without its end.
    fn line(&mut self) -> Result<Option<(u8, String)>, RespError> {
        let Some(end) = self.rest.windows(2).take(MAX_LINE).position(|pair| pair == b"\r\n") else {
            return if self.rest.len() > MAX_LINE { Err(too_large("a line", MAX_LINE)) } else { Ok(None) };
        };
        let (line, rest) = self.rest.split_at_checked(end).unwrap_or_default();
        self.rest = rest.get(2..).unwrap_or_default();
        let (kind, text) = line.split_first().ok_or(RespError::Malformed("an empty line"))?;
        Ok(Some((*kind, String::from_utf8_lossy(text).into_owned())))
    }

    fn string(&mut self, length: usize) -> Result<Option<Vec<u8>>, RespError> {
        let Some((bytes, rest)) = self.rest.split_at_checked(length) else { return Ok(None) };
        let Some((end, rest)) = rest.split_at_checked(2) else { return Ok(None) };
        if end != b"\r\n" {
            return Err(RespError::Malformed("a string longer than it says"));
        }
        self.rest = rest;
        Ok(Some(bytes.to_vec()))
    }
}

/// A length; none for Redis' -1, which stands for no value.
fn size(line: &str, what: &'static str, limit: usize) -> Result<Option<usize>, RespError> {
    match line.parse::<i64>() {
        Ok(-1) => Ok(None),
        Ok(length) => match usize::try_from(length) {
            Ok(length) if length <= limit => Ok(Some(length)),
            Ok(_) => Err(too_large(what, limit)),
            Err(_) => Err(RespError::Malformed("a negative length")),
        },
        Err(_) => Err(RespError::Malformed("a length that is no number")),
    }
}

fn too_large(what: &'static str, limit: usize) -> RespError {
    RespError::TooLarge { what, limit }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(input: &str) -> Result<Option<Received>, RespError> {
        decode(input.as_bytes())
    }

    fn values(input: &str) -> Vec<Reply> {
        let received = read(input).unwrap().unwrap();
        assert_eq!(received.length, input.len());
        received.answer.unwrap()
    }

    fn bytes(text: &str) -> Reply {
        Reply::Bytes(text.as_bytes().to_vec())
    }

    #[test]
    fn a_command_is_written_as_redis_reads_it() {
        let mut output = Vec::new();
        encode("SET", [&b"k"[..], b"a\r\nb"].into_iter(), &mut output);
        assert_eq!(output, b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$4\r\na\r\nb\r\n");
    }

    #[test]
    fn replies_come_flat() {
        assert_eq!(values("+OK\r\n"), [Reply::Status("OK".to_owned())]);
        assert_eq!(values(":-7\r\n"), [Reply::Int(-7)]);
        assert_eq!(values("$-1\r\n"), [Reply::Nil]);
        assert_eq!(values("*-1\r\n"), [Reply::Nil]);
        assert_eq!(values("*0\r\n"), []);
        assert_eq!(values("$4\r\na\r\nb\r\n"), [bytes("a\r\nb")]);
        let nested = "*4\r\n$3\r\nnew\r\n:3\r\n$-1\r\n*2\r\n$1\r\na\r\n$0\r\n\r\n";
        assert_eq!(values(nested), [bytes("new"), Reply::Int(3), Reply::Nil, bytes("a"), bytes("")]);
    }

    #[test]
    fn an_error_is_told_with_its_code() {
        let received = read("-NOSCRIPT No matching script.\r\n+OK\r\n").unwrap().unwrap();
        assert_eq!(received.answer, Err("NOSCRIPT No matching script.".to_owned()));
        assert_eq!(received.length, 31);
        assert_eq!(read("*2\r\n:1\r\n-ERR x\r\n").unwrap().unwrap().answer, Err("ERR x".to_owned()));
    }

    #[test]
    fn what_is_too_large_or_no_reply_is_refused() {
        let deep = "*1\r\n".repeat(MAX_DEPTH + 1);
        let long = format!("+{}", "x".repeat(MAX_LINE + 1));
        for large in ["$999999999\r\n", "*99999999\r\n", &deep, &long] {
            assert!(matches!(read(large), Err(RespError::TooLarge { .. })), "{large}");
        }
        for bad in ["HTTP/1.1 400\r\n", "\r\n", "$-2\r\n", "$x\r\n", ":x\r\n", "$1\r\nabc\r\n"] {
            assert!(matches!(read(bad), Err(RespError::Malformed(_))), "{bad}");
        }
    }

    /// A reply as a server nests it.
    #[derive(Debug, Clone)]
    enum Nested {
        One(Reply),
        Many(Vec<Nested>),
    }

    impl Nested {
        fn write(&self, output: &mut Vec<u8>) {
            match self {
                Nested::One(Reply::Nil) => output.extend_from_slice(b"$-1\r\n"),
                Nested::One(Reply::Status(text)) => output.extend_from_slice(format!("+{text}\r\n").as_bytes()),
                Nested::One(Reply::Int(number)) => output.extend_from_slice(format!(":{number}\r\n").as_bytes()),
                Nested::One(Reply::Bytes(bytes)) => string(bytes, output),
                Nested::Many(values) => {
                    output.extend_from_slice(format!("*{}\r\n", values.len()).as_bytes());
                    values.iter().for_each(|value| value.write(output));
                }
            }
        }

        fn flatten(self, flat: &mut Vec<Reply>) {
            match self {
                Nested::One(value) => flat.push(value),
                Nested::Many(values) => values.into_iter().for_each(|value| value.flatten(flat)),
            }
        }
    }

    fn nested() -> impl Strategy<Value = Nested> {
        let one = prop_oneof![
            Just(Reply::Nil),
            "[a-zA-Z ]{0,9}".prop_map(Reply::Status),
            any::<i64>().prop_map(Reply::Int),
            prop::collection::vec(any::<u8>(), 0..30).prop_map(Reply::Bytes),
        ];
        let depth = u32::try_from(MAX_DEPTH - 1).unwrap();
        one.prop_map(Nested::One)
            .prop_recursive(depth, 40, 5, |inner| prop::collection::vec(inner, 0..5).prop_map(Nested::Many))
    }

    proptest! {
        #[test]
        fn every_reply_comes_back_flat(value in nested(), behind in prop::collection::vec(any::<u8>(), 0..9)) {
            let mut input = Vec::new();
            value.write(&mut input);
            let length = input.len();
            input.extend(behind);
            let mut flat = Vec::new();
            value.flatten(&mut flat);
            prop_assert_eq!(decode(&input), Ok(Some(Received { answer: Ok(flat), length })));
        }

        #[test]
        fn a_command_reads_back(arguments in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..9)) {
            let mut output = Vec::new();
            encode("EVALSHA", arguments.iter().map(Vec::as_slice), &mut output);
            let length = output.len();
            let values = std::iter::once(b"EVALSHA".to_vec()).chain(arguments).map(Reply::Bytes).collect();
            prop_assert_eq!(decode(&output), Ok(Some(Received { answer: Ok(values), length })));
        }

        #[test]
        fn no_bytes_panic(input in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode(&input);
        }

        #[test]
        fn nearly_a_reply_does_not_panic(input in "[-+:$*0-9a\r\n]{0,60}") {
            let _ = read(&input);
        }

        /// Cut anywhere, a reply is not there yet; whole, it is there.
        #[test]
        fn a_reply_is_there_when_it_is_whole(cut in 0_usize..47) {
            let whole = "*4\r\n$3\r\nnew\r\n:3\r\n$-1\r\n*2\r\n$1\r\na\r\n$3\r\na\r\n\r\n";
            let part = &whole[..cut.min(whole.len() - 1)];
            prop_assert_eq!(read(part), Ok(None));
            prop_assert!(read(whole).unwrap().is_some());
        }
    }
}
