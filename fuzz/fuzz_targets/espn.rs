//! Any bytes as a document of the native ESPN loaders.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = nba_etl::native::fuzz_one(bytes);
});
