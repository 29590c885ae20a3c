//! Any bytes as a season's file of hoopR.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = nba_etl::native::hoopr::fuzz_one(bytes);
});
