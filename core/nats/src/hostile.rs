//! A server that means harm: no bytes panic, no announcement makes memory grow, no talk settles a publication twice.

use crate::conversations::{INFO, connected, publish};
use crate::{Connection, Event, Options, ProtocolError, parse};
use proptest::prelude::*;
use std::collections::BTreeSet;

/// Words that take a parser further than random bytes do.
fn any_word() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        Just(INFO.as_bytes().to_vec()),
        Just(b"PONG\r\n".to_vec()),
        Just(b"PING\r\n".to_vec()),
        Just(b"+OK\r\n".to_vec()),
        Just(b"-ERR 'Permissions Violation for Publish to \"s.1\"'\r\n".to_vec()),
        Just(b"-ERR 'Permissions Violation for Publish to \"\r\n".to_vec()),
        (0..6_u64, 0..40_u64, "[a-z{}\":,0-9]{0,30}").prop_map(|(ticket, size, text)| {
            format!("MSG _INBOX.00000000000000ab.{ticket} 1 {size}\r\n{text}\r\n").into_bytes()
        }),
        (0..6_u64, 1..9_u64).prop_map(|(ticket, sequence)| {
            let json = format!("{{\"stream\":\"S\",\"seq\":{sequence}}}");
            format!("MSG _INBOX.00000000000000ab.{ticket} 1 {}\r\n{json}\r\n", json.len()).into_bytes()
        }),
        (0..6_u64, any::<u16>(), 0..30_u64, 0..30_u64).prop_map(|(ticket, status, headers, size)| {
            format!("HMSG _INBOX.00000000000000ab.{ticket} 1 {headers} {size}\r\nNATS/1.0 {status}\r\n\r\n\r\n")
                .into_bytes()
        }),
        "(MSG|HMSG|INFO|-ERR|PING|pong) [ -~\t]{0,20}\r?\n".prop_map(String::into_bytes),
        prop::collection::vec(any::<u8>(), 0..20),
    ]
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse::next(&bytes);
        let _ = connected(true).receive(&bytes);
        let _ = Connection::new(Options::default(), 1).receive(&bytes);
    }

    #[test]
    fn nothing_is_settled_twice(jetstream in any::<bool>(), words in prop::collection::vec(any_word(), 0..20)) {
        let mut connection = connected(jetstream);
        for ticket in 1..=5 {
            publish(&mut connection, ticket, &format!("s.{}", ticket % 2)).unwrap();
        }
        connection.ping().unwrap();
        for word in words {
            if connection.receive(&word).is_err() {
                break;
            }
        }
        let mut seen: BTreeSet<u64> = connection.unsettled().collect();
        while let Some(event) = connection.next_event() {
            if let Event::Published(ticket, _) = event {
                prop_assert!(seen.insert(ticket), "{} settled twice, or settled and not", ticket);
            }
        }
        prop_assert_eq!(seen, (1..=5).collect::<BTreeSet<u64>>());
    }
}

#[test]
fn what_is_too_long_is_refused_when_announced() {
    let headers = parse::MAX_HEADERS + 1;
    for (words, what, limit) in [
        ("x".repeat(parse::MAX_CONTROL_LINE), "a control line", parse::MAX_CONTROL_LINE),
        (format!("INFO {}", " ".repeat(parse::MAX_INFO)), "INFO", parse::MAX_INFO),
        (format!("MSG a 1 {}\r\n", parse::MAX_PAYLOAD + 1), "a message", parse::MAX_PAYLOAD),
        ("MSG a 1 18446744073709551615\r\n".to_owned(), "a message", parse::MAX_PAYLOAD),
        (format!("HMSG a 1 {headers} {headers}\r\n"), "a header block", parse::MAX_HEADERS),
    ] {
        let error = connected(true).receive(words.as_bytes()).unwrap_err();
        assert_eq!(error, ProtocolError::TooLong { what, limit });
    }
}

#[test]
fn the_largest_message_is_waited_for() {
    let mut connection = connected(true);
    connection.receive(format!("MSG _INBOX.x.1 1 {}\r\n", parse::MAX_PAYLOAD).as_bytes()).unwrap();
    let quarter = vec![b' '; parse::MAX_PAYLOAD / 4];
    for _ in 0..4 {
        connection.receive(&quarter).unwrap();
    }
    connection.receive(b"\r\nPING\r\n").unwrap();
    assert_eq!(connection.output(), b"PONG\r\n");
}

#[test]
fn pings_are_answered_but_not_without_end() {
    let mut connection = connected(true);
    let pings = "PING\r\n".repeat(1000);
    for _ in 0..3 {
        connection.receive(pings.as_bytes()).unwrap();
        assert_eq!(connection.output(), "PONG\r\n".repeat(1000).as_bytes());
        connection.advance_output(6000);
    }
    connection.receive(pings.as_bytes()).unwrap();
    assert!(matches!(connection.receive(pings.as_bytes()), Err(ProtocolError::Malformed(_))));
    assert!(connection.output().len() < 10_000);
}
