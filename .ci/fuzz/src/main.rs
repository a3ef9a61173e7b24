//! A fuzzer of one door, the one that the environment names.
#![no_main]

mod doors;

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;

static DOOR: OnceLock<doors::Door> = OnceLock::new();

fuzz_target!(|bytes: &[u8]| {
    DOOR.get_or_init(named)(bytes);
});

fn named() -> doors::Door {
    let name = std::env::var("FUZZED_DOOR").expect("FUZZED_DOOR names a door");
    let door = doors::ALL.iter().find(|(known, _)| *known == name);
    door.expect("FUZZED_DOOR is one of doors::ALL").1
}
