//! Damaged files never panic and never give more than the limits allow.

use std::fmt::Write as _;

use proptest::prelude::*;
use torch_state_dict::{Limits, StateDict};

use crate::{fixture, read};

const FIXTURES: [&str; 6] =
    ["legacy.pt", "zip.pt", "deflated.pt", "big_endian.pt", "pairs.pt", "malicious_legacy.pt"];

/// Everything that can be asked of a state dict, in a comparable form.
fn contents(state_dict: &StateDict) -> String {
    let mut contents = String::new();
    for (name, tensor) in state_dict {
        let values = (tensor.to_f32().ok(), tensor.to_i64().ok());
        writeln!(contents, "{name} {:?} {values:?}", tensor.shape()).unwrap();
    }
    contents
}

#[test]
fn a_truncated_file_is_refused() {
    for name in FIXTURES {
        let bytes = fixture(name);
        for length in 0..bytes.len() {
            let truncated = read(&bytes[..length]);
            assert!(truncated.is_err(), "{name} cut to {length} bytes");
        }
    }
}

#[test]
fn every_byte_may_be_wrong() {
    for name in FIXTURES {
        let mut bytes = fixture(name);
        for position in 0..bytes.len() {
            let original = bytes[position];
            for wrong in [0, 0xff, original ^ 1, original ^ 0x80] {
                bytes[position] = wrong;
                check(&bytes);
            }
            bytes[position] = original;
        }
    }
}

fn check(bytes: &[u8]) {
    let limits = Limits::default().with_unpacked_bytes(1 << 16);
    let Ok(state_dict) = StateDict::from_bytes_with(bytes, &limits) else { return };
    let sizes = state_dict
        .iter()
        .map(|(_, tensor)| tensor.element_count() * tensor.data_type().element_size());
    assert!(sizes.sum::<usize>() as u64 <= limits.unpacked_bytes);
    contents(&state_dict);
}

#[derive(Debug, Clone)]
enum Damage {
    Set(prop::sample::Index, u8),
    Remove(prop::sample::Index),
    Repeat(prop::sample::Index, usize),
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        (any::<prop::sample::Index>(), any::<u8>()).prop_map(|(at, byte)| Damage::Set(at, byte)),
        any::<prop::sample::Index>().prop_map(Damage::Remove),
        (any::<prop::sample::Index>(), 1_usize..64).prop_map(|(at, n)| Damage::Repeat(at, n)),
    ]
}

fn apply(bytes: &mut Vec<u8>, damage: &Damage) {
    match damage {
        Damage::Set(at, byte) => {
            let position = at.index(bytes.len());
            bytes[position] = *byte;
        }
        Damage::Remove(at) => {
            bytes.remove(at.index(bytes.len()));
        }
        Damage::Repeat(at, length) => {
            let start = at.index(bytes.len());
            let end = (start + length).min(bytes.len());
            bytes.extend_from_within(start..end);
            bytes[start..].rotate_right(end - start);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_files_never_panic(
        name in prop::sample::select(&FIXTURES[..]),
        damages in prop::collection::vec(damage(), 1..8),
    ) {
        let mut bytes = fixture(name);
        for damage in &damages {
            apply(&mut bytes, damage);
        }
        check(&bytes);
    }

    #[test]
    fn arbitrary_pickles_never_panic(
        opcodes in prop::collection::vec(prop::sample::select(&b"(.NJKMX)t]ae}suhqcRbQ\x85\x86\x87\x88\x89\x8a\x00\x01\x02"[..]), 0..200),
    ) {
        let head = &fixture("legacy.pt")[..139];
        check(&[head, &opcodes].concat());
    }
}

#[test]
fn whole_files_are_read_alike_again() {
    let legacy = contents(&read(&fixture("legacy.pt")).unwrap());
    assert_eq!(contents(&read(&fixture("zip.pt")).unwrap()), legacy);
}
