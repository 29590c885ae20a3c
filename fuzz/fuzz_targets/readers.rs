//! Any bytes as a document of play-by-play.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = nba_etl::plays::fuzz_one(bytes);
});
