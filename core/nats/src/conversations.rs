//! Whole conversations, in a server's own words (recorded from nats-server 2.9.10), and cut at every byte.

use crate::{Connection, Event, Options, Outcome, ProtocolError, Publication, PublishError, Rejection};
use proptest::prelude::*;

pub(crate) const INFO: &str = concat!(
    r#"INFO {"server_id":"NDQMKG3L","server_name":"NDQMKG3L","version":"2.9.10","proto":1,"go":"go1.19.8","#,
    r#""host":"127.0.0.1","port":14999,"headers":true,"auth_required":true,"max_payload":65536,"jetstream":true,"#,
    r#""client_id":4,"client_ip":"127.0.0.1"} "#,
    "\r\n"
);
const NONCE: u64 = 0xab;
const NONE: [Event; 0] = [];
const INBOX: &str = "_INBOX.00000000000000ab.";

pub(crate) fn connected(jetstream: bool) -> Connection {
    let mut connection = Connection::new(Options { jetstream, ..Options::default() }, NONCE);
    connection.receive(INFO.as_bytes()).unwrap();
    connection.receive(b"PONG\r\n").unwrap();
    assert_eq!(events(&mut connection), [Event::Connected { max_payload: 65536 }]);
    sent(&mut connection);
    connection
}

pub(crate) fn publish(connection: &mut Connection, ticket: u64, subject: &str) -> Result<(), PublishError> {
    connection.publish(ticket, &Publication { subject, message_id: "id", headers: &[], payload: b"hi" })
}

fn events(connection: &mut Connection) -> Vec<Event> {
    std::iter::from_fn(|| connection.next_event()).collect()
}

/// Takes the output, in uneven pieces as a socket would.
fn sent(connection: &mut Connection) -> String {
    let mut text = Vec::new();
    while let Some(piece) = connection.output().chunks(7).next() {
        text.extend_from_slice(piece);
        let length = piece.len();
        connection.advance_output(length);
    }
    String::from_utf8(text).unwrap()
}

fn ack(ticket: u64, json: &str) -> String {
    format!("MSG {INBOX}{ticket} 1  {}\r\n{json}\r\n", json.len())
}

fn fails(jetstream: bool, words: &str) -> ProtocolError {
    let mut connection = connected(jetstream);
    publish(&mut connection, 1, "a").unwrap();
    let error = connection.receive(words.as_bytes()).unwrap_err();
    assert_eq!(events(&mut connection), NONE, "{words:?} settled something");
    assert_eq!(connection.receive(b"PING\r\n"), Err(ProtocolError::NotConnected));
    assert_eq!(publish(&mut connection, 2, "a"), Err(PublishError::NotConnected));
    assert_eq!(connection.unsettled().collect::<Vec<_>>(), [1]);
    error
}

#[test]
fn the_handshake_ends_with_the_pong() {
    let mut connection = Connection::new(Options { jetstream: true, ..Options::default() }, NONCE);
    assert_eq!(sent(&mut connection), "");
    assert_eq!(connection.ping(), Err(ProtocolError::NotConnected));
    connection.receive(INFO.as_bytes()).unwrap();
    let output = sent(&mut connection);
    let (connect, rest) = output.split_once("\r\n").unwrap();
    assert!(connect.starts_with("CONNECT {") && connect.ends_with('}'), "{connect}");
    assert_eq!(rest, "SUB _INBOX.00000000000000ab.* 1\r\nPING\r\n");
    assert_eq!(publish(&mut connection, 1, "a"), Err(PublishError::NotConnected));
    assert_eq!(events(&mut connection), NONE);

    connection.receive(b"PONG\r\n").unwrap();
    assert_eq!(events(&mut connection), [Event::Connected { max_payload: 65536 }]);
    assert_eq!(publish(&mut connection, 1, "a"), Ok(()));
}

#[test]
fn without_jetstream_there_is_no_inbox() {
    let mut connection = Connection::new(Options::default(), NONCE);
    connection.receive(INFO.as_bytes()).unwrap();
    assert!(!sent(&mut connection).contains("SUB"));
    connection.receive(b"PONG\r\n").unwrap();
    publish(&mut connection, 1, "a").unwrap();
    assert_eq!(sent(&mut connection), "HPUB a 29 31\r\nNATS/1.0\r\nNats-Msg-Id: id\r\n\r\nhi\r\n");
}

#[test]
fn a_refused_handshake_tells_why() {
    for (words, expected) in [
        ("-ERR 'Authorization Violation'\r\n", ProtocolError::Server("Authorization Violation".into())),
        ("PONG\r\nPONG\r\n", ProtocolError::Malformed("PONG without a PING")),
    ] {
        let mut connection = Connection::new(Options::default(), NONCE);
        connection.receive(INFO.as_bytes()).unwrap();
        assert_eq!(connection.receive(words.as_bytes()), Err(expected));
    }
    let mut connection = Connection::new(Options::default(), NONCE);
    assert!(matches!(connection.receive(b"PING\r\n"), Err(ProtocolError::Malformed(_))));
}

#[test]
fn publications_carry_the_inbox_with_their_ticket() {
    let mut connection = connected(true);
    publish(&mut connection, 42, "a.b").unwrap();
    let expected = format!("HPUB a.b {INBOX}42 29 31\r\nNATS/1.0\r\nNats-Msg-Id: id\r\n\r\nhi\r\n");
    assert_eq!(sent(&mut connection), expected);
}

#[test]
fn jetstream_settles_in_any_order_and_each_once() {
    let mut connection = connected(true);
    for ticket in 1..=5 {
        publish(&mut connection, ticket, "s.1").unwrap();
    }
    let too_large = r#"{"error":{"code":400,"err_code":10054,"description":"message size exceeds maximum allowed"}}"#;
    let words = [
        ack(3, r#"{"stream":"S", "seq":1}"#),
        format!("HMSG {INBOX}1 1 16 16\r\nNATS/1.0 503\r\n\r\n\r\n"),
        ack(3, r#"{"stream":"S", "seq":2}"#),
        ack(4, r#"{"stream":"S", "seq":1,"duplicate": true}"#),
        ack(99, r#"{"stream":"S", "seq":1}"#),
        format!("MSG {INBOX}x 1 2\r\n{{}}\r\n"),
        ack(2, too_large),
    ];
    connection.receive(words.concat().as_bytes()).unwrap();
    let expected = [
        Event::Published(3, Outcome::Stored),
        Event::Published(1, Outcome::Failed),
        Event::Published(4, Outcome::Duplicate),
        Event::Published(2, Outcome::Rejected),
    ];
    assert_eq!(events(&mut connection), expected);
    assert_eq!(connection.unsettled().collect::<Vec<_>>(), [5]);

    connection.ping().unwrap();
    connection.receive(b"PONG\r\n").unwrap();
    assert_eq!(events(&mut connection), NONE, "a PONG is no acknowledgement of JetStream's");
}

#[test]
fn headers_of_an_answer_are_not_its_payload() {
    let mut connection = connected(true);
    publish(&mut connection, 1, "s").unwrap();
    let json = r#"{"stream":"S","seq":1}"#;
    let headers = "NATS/1.0\r\nA: 503\r\n\r\n";
    let (header_size, size) = (headers.len(), headers.len() + json.len());
    let words = format!("HMSG {INBOX}1 1 some.reply {header_size} {size}\r\n{headers}{json}\r\n");
    connection.receive(words.as_bytes()).unwrap();
    assert_eq!(events(&mut connection), [Event::Published(1, Outcome::Stored)]);
}

#[test]
fn without_jetstream_each_pong_settles_what_came_before_its_ping() {
    let mut connection = connected(false);
    publish(&mut connection, 1, "a").unwrap();
    publish(&mut connection, 2, "a").unwrap();
    connection.ping().unwrap();
    publish(&mut connection, 3, "a").unwrap();
    connection.ping().unwrap();
    publish(&mut connection, 4, "a").unwrap();
    assert_eq!(connection.unanswered_pings(), 2);

    connection.receive(b"PONG\r\n").unwrap();
    let expected = [Event::Published(1, Outcome::Stored), Event::Published(2, Outcome::Stored)];
    assert_eq!(events(&mut connection), expected);
    connection.receive(b"PONG\r\n").unwrap();
    assert_eq!(events(&mut connection), [Event::Published(3, Outcome::Stored)]);
    assert_eq!((connection.unanswered_pings(), connection.unsettled().len()), (0, 1));
}

#[test]
fn a_refused_subject_is_one_publications_affair() {
    let mut connection = connected(false);
    for (ticket, subject) in [(1, "ok"), (2, "denied.x"), (3, "denied"), (4, "denied.x")] {
        publish(&mut connection, ticket, subject).unwrap();
    }
    connection.ping().unwrap();
    let refusal = "-ERR 'Permissions Violation for Publish to \"denied.x\"'\r\n";
    connection.receive(format!("{refusal}{refusal}PONG\r\n").as_bytes()).unwrap();
    let expected = [
        Event::Published(2, Outcome::Failed),
        Event::Published(4, Outcome::Failed),
        Event::Published(1, Outcome::Stored),
        Event::Published(3, Outcome::Stored),
    ];
    assert_eq!(events(&mut connection), expected);
}

#[test]
fn other_errors_are_the_end() {
    for error in [
        "Authorization Violation",
        "User Authentication Expired",
        "Stale Connection",
        "Maximum Payload Violation",
        "maximum control line exceeded",
        "Permissions Violation for Subscription to \"_INBOX.00000000000000ab.*\"",
        "Permissions Violation for Publish to \"never.published\"",
    ] {
        assert_eq!(fails(true, &format!("-ERR '{error}'\r\n")), ProtocolError::Server(error.into()));
    }
    let ProtocolError::Server(text) = fails(true, &format!("-ERR '\u{1b}[31m{}'\r\n", "x".repeat(1000))) else {
        panic!("not a server's error");
    };
    assert!(text.starts_with("[31mxxx") && text.len() == 256, "{text}");
}

#[test]
fn breaches_of_the_protocol_are_the_end() {
    for words in [
        "WHAT\r\n",
        "\r\n",
        "PING\n",
        "MSG a 1\r\n",
        "MSG a x 1\r\n",
        "MSG a 1 -1\r\n",
        "MSG a 1 r 1 1\r\n",
        "MSG a 2 0\r\n\r\n",
        "MSG a 1 1\r\nxyz",
        "HMSG a 1 1\r\n",
        "HMSG a 1 r 0 0 0\r\n",
        "HMSG a 1 5 4\r\n",
        "HMSG a 1 4 4\r\nabcd\r\n",
        "INFO {}\r\n",
    ] {
        assert!(matches!(fails(true, words), ProtocolError::Malformed(_)), "{words:?}");
    }
    assert!(matches!(fails(false, "MSG _INBOX.00000000000000ab.1 1 0\r\n\r\n"), ProtocolError::Malformed(_)));
}

#[test]
fn a_later_info_changes_the_limit() {
    let mut connection = connected(true);
    connection.receive(b"INFO {\"max_payload\":30,\"headers\":true}\r\n").unwrap();
    assert_eq!(sent(&mut connection), "");
    let rejection = Rejection::TooLarge { size: 31, limit: 30 };
    assert_eq!(publish(&mut connection, 1, "a"), Err(PublishError::Rejected(rejection)));
    assert_eq!((sent(&mut connection), connection.unsettled().len()), (String::new(), 0));
    assert_eq!(connection.receive(b"PING\r\n"), Ok(()), "a rejection must not cost the connection");
}

/// Everything a server says in its life, and what the caller learns of it.
fn life(cuts: &[usize]) -> (Vec<Event>, String) {
    let mut connection = connected(true);
    for ticket in 1..=3 {
        publish(&mut connection, ticket, "s").unwrap();
    }
    connection.ping().unwrap();
    let words = [
        "PING\r\n+OK\r\n".to_owned(),
        ack(1, r#"{"stream":"S", "seq":1}"#),
        "-ERR 'Permissions Violation for Publish to \"s\"'\r\n".to_owned(),
        INFO.to_owned(),
        format!("HMSG {INBOX}3 1 16 16\r\nNATS/1.0 503\r\n\r\n\r\nPONG\r\n"),
    ]
    .concat()
    .into_bytes();
    let mut rest = words.as_slice();
    for cut in cuts {
        let (piece, after) = rest.split_at(*cut.min(&rest.len()));
        connection.receive(piece).unwrap();
        rest = after;
    }
    connection.receive(rest).unwrap();
    assert_eq!(connection.unanswered_pings(), 0);
    (events(&mut connection), sent(&mut connection))
}

#[test]
fn one_cut_anywhere_changes_nothing() {
    let whole = life(&[]);
    assert_eq!(whole.0.len(), 3);
    assert!(whole.1.ends_with("PING\r\nPONG\r\n"));
    for cut in 0..600 {
        assert_eq!(life(&[cut]), whole, "cut after {cut}");
    }
    assert_eq!(life(&[1; 600]), whole, "byte by byte");
}

proptest! {
    #[test]
    fn many_cuts_change_nothing(cuts in prop::collection::vec(0..80_usize, 0..40)) {
        prop_assert_eq!(life(&cuts), life(&[]));
    }
}
