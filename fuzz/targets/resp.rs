//! Any bytes from a Redis server: a reply is read or refused, is not there before it is whole, and means something to a
//! turn's steps or is an error. A command reads back as it was written.
#![no_main]

use greentic_session::resp::{decode, encode};
use greentic_session::steps::{self, Reply};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    if let Ok(Some(received)) = decode(input) {
        let (whole, rest) = input.split_at(received.length);
        assert_eq!(decode(whole).as_ref(), Ok(&Some(received.clone())), "{} bytes follow", rest.len());
        let cut = rest.len() % whole.len();
        assert_eq!(decode(&whole[..cut]), Ok(None));
        if let Ok(replies) = received.answer {
            let _ = steps::begun(replies.clone());
            let _ = steps::recovered(replies.clone());
            let _ = steps::tags(replies.clone());
            let _ = steps::number(replies.clone());
            let _ = steps::score(replies.clone());
            let _ = steps::outbox(replies);
        }
    }
    let mut written = Vec::new();
    encode("EVALSHA", [input, b""].into_iter(), &mut written);
    let values = ["EVALSHA".as_bytes(), input, b""].map(|bytes| Reply::Bytes(bytes.to_vec()));
    let read = decode(&written).unwrap().unwrap();
    assert_eq!((read.answer, read.length), (Ok(values.to_vec()), written.len()));
});
