//! How many parts the pool must allow a component that was composed of several.
//!
//! Asked of the pool itself, by loading the component with one part, two, and so on: its count includes the modules that
//! the compiler makes to join the parts, which no reading of the file would show. The code is compiled once and mapped
//! each time, so a try costs about a millisecond.

use super::{EngineSettings, MAX_PARTS, NativeCode, NativeCodeError, request_engine};

/// The smallest `parts` that takes the component; an error when [`MAX_PARTS`] does not.
pub fn parts_needed(settings: &EngineSettings, code: &NativeCode, wasm: &[u8]) -> Result<u32, NativeCodeError> {
    let mut parts = 1;
    loop {
        // The limits for one component do not depend on how many instances there are: one is the cheapest.
        let settings = EngineSettings { instances: 1, parts, ..settings.clone() };
        let engine = request_engine(&settings).map_err(|error| NativeCodeError::Engine(format!("{error:#}")))?;
        match code.load(&engine, wasm) {
            Err(NativeCodeError::TooManyParts { .. }) if parts < MAX_PARTS => parts += 1,
            loaded => return loaded.map(|_| parts),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::KEEP_RESIDENT_BYTES;

    /// A component with one empty core module, instantiated so many times (fewer than 128, for one byte of count).
    fn component(core_instances: u8) -> Vec<u8> {
        let mut wasm = b"\0asm\x0d\0\x01\0".to_vec();
        wasm.extend([1, 8]);
        wasm.extend(b"\0asm\x01\0\0\0");
        let entries: Vec<u8> = (0..core_instances).flat_map(|_| [0, 0, 0]).collect();
        let length = entries.len() + 1;
        // A size in LEB128, two bytes.
        wasm.extend([2, (length & 0x7f) as u8 | 0x80, (length >> 7) as u8, core_instances]);
        wasm.extend(entries);
        wasm
    }

    fn with_code(test: impl FnOnce(&EngineSettings, &NativeCode)) {
        let directory = tempfile::tempdir().unwrap();
        let settings = EngineSettings {
            instances: 2,
            parts: 1,
            memory_bytes: 1 << 20,
            keep_resident_bytes: KEEP_RESIDENT_BYTES,
            trust_page_map: false,
            pooled: true,
        };
        test(&settings, &NativeCode::open(&directory.path().join("code")).unwrap());
    }

    #[test]
    fn a_component_over_its_share_is_refused_and_the_setting_named() {
        with_code(|settings, code| {
            let engine = request_engine(settings).unwrap();
            assert!(code.load(&engine, &component(4)).is_ok());
            let refused = code.load(&engine, &component(5)).err().unwrap();
            assert!(matches!(refused, NativeCodeError::TooManyParts { .. }), "{refused}");
            assert!(refused.to_string().contains("wasm.max_parts"), "{refused}");
            let wider = request_engine(&EngineSettings { parts: 2, ..settings.clone() }).unwrap();
            assert!(code.load(&wider, &component(5)).is_ok());
        });
    }

    #[test]
    fn parts_are_as_few_as_the_pool_takes() {
        with_code(|settings, code| {
            for (core_instances, parts) in [(1, 1), (4, 1), (5, 2), (9, 3), (100, 25)] {
                assert_eq!(parts_needed(settings, code, &component(core_instances)).unwrap(), parts);
            }
            let no_component = parts_needed(settings, code, b"no component").unwrap_err();
            assert!(matches!(no_component, NativeCodeError::Compile(_)), "{no_component}");
        });
    }

    #[test]
    fn a_pool_has_an_end() {
        with_code(|settings, _| {
            let too_many = EngineSettings { instances: 10_000, parts: MAX_PARTS, ..settings.clone() };
            let refused = request_engine(&too_many).err().unwrap().to_string();
            assert!(refused.contains("server.max_concurrent_requests"), "{refused}");
            let most = EngineSettings::most_instances(MAX_PARTS);
            assert!(EngineSettings { instances: most, ..too_many }.reserved_bytes() <= 65 << 40);
        });
    }
}
