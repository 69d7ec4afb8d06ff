#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| homehive_fuzz::run("luks", bytes));
