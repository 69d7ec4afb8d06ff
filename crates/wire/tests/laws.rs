//! What holds for every switch, whatever is sent and however its ways are.

#![expect(clippy::unwrap_used, reason = "a test")]

use proptest::prelude::*;
use std::time::Duration;
use wire::{Link, Passed, Switch};

const EVERYBODY: [u8; 6] = [0xff; 6];

fn card(port: usize) -> [u8; 6] {
    [0x56, 0x54, 0, 0, 0, u8::try_from(port).unwrap()]
}

/// A frame with a number in it.
fn frame(to: [u8; 6], from: [u8; 6], number: u32) -> Vec<u8> {
    [&to[..], &from, &[0x08, 0x00], &number.to_be_bytes()].concat()
}

fn number(passed: &Passed) -> u32 {
    u32::from_be_bytes(passed.frame[14..18].try_into().unwrap())
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn ports(passed: &[Passed]) -> Vec<usize> {
    passed.iter().map(|it| it.to).collect()
}

#[test]
fn learns_who_lives_where() {
    let mut switch = Switch::new(4, 0);
    let unknown = switch.take(0, &frame(card(2), card(0), 1), ms(0));
    assert_eq!(ports(&unknown), [1, 2, 3], "what is not known goes everywhere");
    assert_eq!(ports(&switch.take(2, &frame(card(0), card(2), 2), ms(0))), [0]);
    assert_eq!(ports(&switch.take(0, &frame(card(2), card(0), 3), ms(0))), [2]);
    // The address moves, as one of a load balancer does.
    switch.take(3, &frame(EVERYBODY, card(2), 4), ms(0));
    assert_eq!(ports(&switch.take(0, &frame(card(2), card(0), 5), ms(0))), [3]);
    assert!(switch.take(0, &frame(card(0), card(0), 6), ms(0)).is_empty(), "nothing comes back to its sender");
    assert!(switch.take(0, &[0xff; 13], ms(0)).is_empty(), "that is no frame");
}

#[test]
fn a_cut_is_one_way_unless_both_are_cut() {
    let mut switch = Switch::new(3, 0);
    let cut = Link { cut: true, ..Link::default() };
    switch.set(0, 1, cut);
    assert_eq!(ports(&switch.take(0, &frame(EVERYBODY, card(0), 1), ms(0))), [2]);
    assert_eq!(ports(&switch.take(1, &frame(EVERYBODY, card(1), 1), ms(0))), [0, 2]);
    assert_eq!(switch.bad().collect::<Vec<_>>(), [(0, 1, cut)]);
    switch.set(0, 1, Link::default());
    assert_eq!(ports(&switch.take(0, &frame(EVERYBODY, card(0), 1), ms(0))), [1, 2]);
    assert_eq!(switch.bad().count(), 0);
}

#[test]
fn what_is_late_comes_late_and_in_its_order() {
    let mut switch = Switch::new(2, 0);
    switch.set(0, 1, Link { delay_ms: 50, ..Link::default() });
    assert!(switch.take(0, &frame(EVERYBODY, card(0), 1), ms(0)).is_empty());
    assert!(switch.arrived(ms(49)).is_empty());
    assert_eq!(switch.next(), Some(ms(50)));
    assert_eq!(switch.arrived(ms(50)).iter().map(number).collect::<Vec<_>>(), [1]);
    // What is sent once the way is quick again does not overtake.
    switch.take(0, &frame(EVERYBODY, card(0), 2), ms(60));
    switch.set(0, 1, Link::default());
    assert!(switch.take(0, &frame(EVERYBODY, card(0), 3), ms(70)).is_empty());
    assert_eq!(switch.arrived(ms(110)).iter().map(number).collect::<Vec<_>>(), [2, 3]);
    assert_eq!(switch.take(0, &frame(EVERYBODY, card(0), 4), ms(110)).len(), 1);
}

/// Which of a thousand frames pass.
fn passing(seed: u64, loss: &str) -> Vec<u32> {
    let mut switch = Switch::new(3, seed);
    switch.set(0, 1, Link { loss: loss.parse().unwrap(), ..Link::default() });
    let sent = |number| frame(EVERYBODY, card(0), number);
    let passed = (0..1000).flat_map(|number| switch.take(0, &sent(number), ms(0)));
    passed.filter(|it| it.to == 1).map(|it| number(&it)).collect()
}

#[test]
fn so_many_frames_are_lost_and_the_same_again() {
    for (loss, fewest, most) in [("0%", 1000, 1000), ("10%", 850, 950), ("50%", 430, 570), ("100%", 0, 0)] {
        let passed = passing(7, loss);
        assert!((fewest..=most).contains(&passed.len()), "{loss}: {}", passed.len());
        assert_eq!(passed, passing(7, loss), "{loss}: a seed says which");
    }
    assert_ne!(passing(7, "10%"), passing(8, "10%"));
}

fn links() -> impl Strategy<Value = Link> {
    (any::<bool>(), 0_u64..100, 0_u16..=1000).prop_map(|(cut, delay_ms, loss)| {
        let loss = format!("{}.{}%", loss / 10, loss % 10).parse().unwrap();
        Link { cut: cut && delay_ms % 3 == 0, delay_ms, loss }
    })
}

proptest! {
    /// No frame is made up, doubled, sent back, or brought over a cut; on each way frames keep their order; all that is not
    /// lost arrives in the end.
    #[test]
    fn frames_are_passed_or_lost(
        ways in prop::collection::btree_map((0_usize..4, 0_usize..4), links(), 0..12),
        sent in prop::collection::vec((0_usize..4, 0_usize..5, 0_u64..30), 0..80),
        seed: u64,
    ) {
        let mut switch = Switch::new(4, seed);
        for ((from, to), link) in &ways {
            switch.set(*from, *to, *link);
        }
        let (mut now, mut got) = (0, Vec::new());
        for (number, (from, to, later)) in (0..).zip(&sent) {
            now += later;
            got.extend(switch.arrived(ms(now)));
            let target = if *to == 4 { EVERYBODY } else { card(*to) };
            got.extend(switch.take(*from, &frame(target, card(*from), number), ms(now)));
        }
        got.extend(switch.arrived(ms(now + 1000)));
        prop_assert_eq!(switch.next(), None);
        for from in 0..4 {
            for to in 0..4 {
                let of_way = got.iter().filter(|it| it.to == to).map(number);
                let of_way: Vec<u32> = of_way.filter(|it| sent[usize::try_from(*it).unwrap()].0 == from).collect();
                prop_assert!(of_way.windows(2).all(|pair| pair[0] < pair[1]), "{from} to {to}: {of_way:?}");
                let link = ways.get(&(from, to)).copied().unwrap_or_default();
                prop_assert!(from != to || of_way.is_empty());
                prop_assert!(!link.cut || of_way.is_empty());
                if link.is_good() && from != to {
                    let all = (0_u32..).zip(&sent).filter(|(_, it)| it.0 == from && it.1 == 4).map(|(number, _)| number);
                    prop_assert!(all.into_iter().all(|number| of_way.contains(&number)), "{from} to {to}");
                }
            }
        }
    }
}
