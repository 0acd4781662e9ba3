//! Any bytes: opening a pack refuses or gives a pack.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = greentic_pack::open(bytes, &greentic_pack::Trust::AcceptUnsigned);
    let _ = greentic_pack::Manifest::decode(bytes);
    let _ = greentic_pack::FlowImage::parse(bytes.into());
});
