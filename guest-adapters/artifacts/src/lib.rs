//! The guest components' bytes, built by this crate's build script.
//!
//! The binary takes the built-ins from here, tests and benchmarks the examples too. Names and list are generated
//! (`build.rs`), so a guest that is added shows up here and in `foreach_guest!` at once.

include!(concat!(env!("OUT_DIR"), "/guests.rs"));
