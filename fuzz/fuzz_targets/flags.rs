//! Any bytes as the source of a script whose options are read.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = nba_etl::registry::fuzz_one(bytes);
});
