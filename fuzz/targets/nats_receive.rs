//! Any bytes from a server, in pieces: the protocol machine goes on or gives up, within its bounds.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|pieces: Vec<Vec<u8>>| {
    let mut connection = greentic_nats::Connection::new(greentic_nats::Options::default(), 7);
    for piece in pieces {
        if connection.receive(&piece).is_err() {
            return;
        }
        while connection.next_event().is_some() {}
    }
});
