//! Any bytes: session records, outbox entries and values decode or are refused; what decodes encodes again.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(record) = greentic_session::Record::decode(bytes) {
        assert!(record.encode().is_ok());
    }
    let _ = greentic_session::OutboxEntry::decode(bytes);
    let _ = minicbor::decode::<greentic_types::Value>(bytes);
});
