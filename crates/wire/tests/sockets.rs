//! A switch at work between sockets that play machines: frames pass, a link suffers by order, and all of it ends.

#![expect(clippy::unwrap_used, reason = "a test")]

use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};
use wire::{Answer, ControlError, Link, Order, Place, Toll, ask, serve};

const SOON: Duration = Duration::from_secs(10);
const NEVER: Duration = Duration::from_millis(200);

fn place(dir: &Path, name: &str) -> Place {
    Place { name: name.into(), switch: dir.join(format!("{name}.in")), machine: dir.join(format!("{name}.out")) }
}

/// A machine's card: what it hears within `wait`.
fn heard(card: &UnixDatagram, wait: Duration) -> Option<Vec<u8>> {
    card.set_read_timeout(Some(wait)).unwrap();
    let mut buffer = [0; 2048];
    let length = card.recv(&mut buffer).ok()?;
    Some(buffer[..length].to_vec())
}

fn frame(text: &str) -> Vec<u8> {
    [&[0xff; 6], &[0x56, 0, 0, 0, 0, 1][..], &[0x08, 0x00], text.as_bytes()].concat()
}

#[test]
fn frames_pass_and_links_suffer_by_order() {
    let dir = tempfile::tempdir().unwrap();
    let places = ["one", "two", "off"].map(|name| place(dir.path(), name));
    let control = dir.path().join("wire");
    let cards = [&places[0], &places[1]].map(|place| UnixDatagram::bind(&place.machine).unwrap());
    let served = {
        let (places, control) = (places.clone(), control.clone());
        thread::spawn(move || serve(&places, &control, 7))
    };
    let begun = Instant::now();
    while ask(&control, &Order::Links, SOON).is_err() {
        assert!(begun.elapsed() < SOON);
        thread::sleep(Duration::from_millis(5));
    }
    let order = |order: &Order| ask(&control, order, SOON);
    let link = |from: &str, to: &str, link| {
        order(&Order::Link(Toll { from: from.into(), to: to.into(), link }))
            .map(|answer| assert_eq!(answer, Answer::Done))
    };
    let say = |text: &str| {
        cards[0].send_to(&frame(text), &places[0].switch).unwrap();
    };

    say("hello");
    assert_eq!(heard(&cards[1], SOON), Some(frame("hello")));
    assert_eq!(heard(&cards[0], NEVER), None, "nothing comes back");

    let cut = Link { cut: true, ..Link::default() };
    link("one", "two", cut).unwrap();
    say("lost");
    assert_eq!(heard(&cards[1], NEVER), None);
    let told = order(&Order::Links).unwrap();
    assert_eq!(told, Answer::Links(vec![Toll { from: "one".into(), to: "two".into(), link: cut }]));

    link("one", "two", Link { delay_ms: 300, ..Link::default() }).unwrap();
    let sent = Instant::now();
    say("late");
    assert_eq!(heard(&cards[1], SOON), Some(frame("late")));
    assert!(sent.elapsed() >= Duration::from_millis(300), "{:?}", sent.elapsed());

    link("one", "two", Link::default()).unwrap();
    say("well");
    assert_eq!(heard(&cards[1], SOON), Some(frame("well")));

    let nobody = link("one", "three", cut).unwrap_err().to_string();
    assert_eq!(nobody, "there is no machine `three` at the switch; there are: one, two, off");
    assert!(matches!(link("one", "one", cut), Err(ControlError::Refused(_))));

    assert_eq!(order(&Order::Leave).unwrap(), Answer::Done);
    served.join().unwrap().unwrap();
    assert!(!control.exists() && places.iter().all(|place| !place.switch.exists()));
}
