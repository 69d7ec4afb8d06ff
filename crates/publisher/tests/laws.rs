//! What holds for all shares, Services, and ways from what is said to what is to be said.

use kube::runtime::watcher::Event;
use proptest::collection::{btree_set, vec};
use proptest::prelude::*;
use publisher::{Announcement, Balancer, Change, Key, Kind, NamePattern, Record, Seen, Share, changes, wanted};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

fn address() -> impl Strategy<Value = IpAddr> {
    prop_oneof![
        3 => (1_u8..6).prop_map(|last| Ipv4Addr::new(10, 0, 0, last).into()),
        1 => (1_u16..4).prop_map(|last| Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, last).into()),
    ]
}

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![Just(Kind::Storage), Just(Kind::TimeMachine)]
}

/// Few names, so that they meet; some that cannot be said.
fn share() -> impl Strategy<Value = Share> {
    ("[ab]", "[a-c]", prop_oneof![4 => "[a-cA-C]", 1 => "[a,=]{1,3}", 1 => "x{60,70}"], "[a-c]", kind())
        .prop_map(|(namespace, object, name, service, kind)| Share { namespace, object, name, service, kind })
}

fn service() -> impl Strategy<Value = Balancer> {
    ("[ab]", "[a-c]", btree_set(address(), 0..3)).prop_map(|(namespace, name, addresses)| Balancer {
        namespace,
        name,
        addresses,
    })
}

fn said() -> impl Strategy<Value = BTreeMap<Key, Announcement>> {
    let one = ("[a-d]", btree_set(address(), 1..3), "[xy]", kind()).prop_map(|(name, addresses, instance, kind)| {
        let host = format!("{name}-samba.local");
        (Key { namespace: "samba".into(), name }, Announcement { host, addresses, instance, kind })
    });
    vec(one, 0..5).prop_map(|all| all.into_iter().collect())
}

/// What a change does to what is said, as the desk does it.
fn done(said: &mut BTreeMap<Key, Announcement>, change: &Change) {
    match change {
        Change::Withdraw(key) => assert!(said.remove(key).is_some(), "nothing is withdrawn that is not said"),
        Change::Move(key, new) => {
            let old = said.insert(key.clone(), new.clone()).expect("only what is said moves");
            assert_eq!(Announcement { addresses: new.addresses.clone(), ..old }, *new, "nothing but addresses moves");
        }
        Change::Add(key, new) => assert!(said.insert(key.clone(), new.clone()).is_none(), "nothing is said twice"),
    }
}

proptest! {
    #[test]
    fn changes_make_what_is_said_what_is_wanted(before in said(), after in said()) {
        let todo = changes(&before, &after);
        let mut now = before.clone();
        for change in &todo {
            done(&mut now, change);
        }
        prop_assert_eq!(&now, &after);
        prop_assert_eq!(changes(&now, &after), vec![], "and then there is nothing to do");
        // Names are free before others take them.
        let last_withdrawal = todo.iter().rposition(|change| matches!(change, Change::Withdraw(_)));
        let first_other = todo.iter().position(|change| !matches!(change, Change::Withdraw(_)));
        if let (Some(last), Some(first)) = (last_withdrawal, first_other) {
            prop_assert!(last < first);
        }
    }

    #[test]
    fn no_two_shares_are_announced_by_one_name(services in vec(service(), 0..6), shares in vec(share(), 0..8)) {
        let wanted = wanted(&services, &shares, &NamePattern::default());
        let hosts: BTreeSet<_> = wanted.announcements.values().map(|it| it.host.clone()).collect();
        let instances: BTreeSet<_> = wanted.announcements.values().map(|it| it.instance.to_lowercase()).collect();
        prop_assert_eq!(hosts.len(), wanted.announcements.len());
        prop_assert_eq!(instances.len(), wanted.announcements.len());
        for (key, announcement) in &wanted.announcements {
            prop_assert!(!announcement.addresses.is_empty());
            for Record { words, .. } in announcement.records() {
                prop_assert!(words.iter().all(|word| word.len() <= 255), "{key}: RFC 6763, section 6.1");
            }
            let is_disk = announcement.records().iter().any(|record| record.service == "_adisk._tcp");
            prop_assert_eq!(is_disk, announcement.kind == Kind::TimeMachine);
        }
    }

    #[test]
    fn every_share_with_an_address_is_announced_or_refused_with_a_reason(
        services in vec(service(), 0..6), shares in vec(share(), 0..8),
    ) {
        let key = |namespace: &str, name: &str| (namespace.to_owned(), name.to_owned());
        // Of several with one name the last counts, as in a watch.
        let shares: BTreeMap<_, _> = shares.into_iter().map(|it| (key(&it.namespace, &it.object), it)).collect();
        let services: BTreeMap<_, _> = services.into_iter().map(|it| (key(&it.namespace, &it.name), it)).collect();
        let reachable = shares.values().filter(|share| {
            services.get(&key(&share.namespace, &share.service)).is_some_and(|it| !it.addresses.is_empty())
        });
        let wanted = wanted(services.values(), shares.values(), &NamePattern::default());
        prop_assert_eq!(wanted.announcements.len() + wanted.refused.len(), reachable.count());
        for refusal in &wanted.refused {
            let text = refusal.to_string();
            prop_assert!(text.contains("rename") || text.contains("give it"), "{text}: no remedy");
        }
    }

    #[test]
    fn the_order_of_what_is_seen_does_not_matter(services in vec(service(), 0..6), shares in vec(share(), 0..8)) {
        let unique = |shares: &[Share]| -> Vec<Share> {
            let all: BTreeMap<_, _> =
                shares.iter().map(|it| ((it.namespace.clone(), it.object.clone()), it.clone())).collect();
            all.into_values().collect()
        };
        let mut shares = unique(&shares);
        let one = wanted(&services, &shares, &NamePattern::default());
        shares.reverse();
        prop_assert_eq!(one, wanted(&services, &shares, &NamePattern::default()));
    }

    #[test]
    fn a_list_that_begins_anew_counts_when_it_is_complete(before in vec("[a-d]", 0..5), after in vec("[a-d]", 0..5)) {
        let name = |text: &String| text.clone();
        let list = |seen: &mut Seen<String>, names: &[String]| {
            seen.take(Event::Init, name);
            for item in names {
                seen.take(Event::InitApply(item.clone()), name);
            }
        };
        let all = |seen: &Seen<String>| seen.all().cloned().collect::<BTreeSet<_>>();
        let mut seen = Seen::default();
        list(&mut seen, &before);
        prop_assert!(!seen.is_complete());
        seen.take(Event::InitDone, name);
        let expected: BTreeSet<String> = before.iter().cloned().collect();
        prop_assert_eq!(all(&seen), expected.clone());
        list(&mut seen, &after);
        prop_assert_eq!(all(&seen), expected, "half a list removes nothing");
        seen.take(Event::InitDone, name);
        prop_assert_eq!(all(&seen), after.iter().cloned().collect::<BTreeSet<_>>());
    }
}

proptest! {
    /// What `check` finds good and the summary shows is what is published.
    #[test]
    fn the_fleets_pattern_and_the_publishers_are_one(pattern in "([a-z0-9-]{0,4}\\{share\\}[a-z0-9-]{0,30}|[a-z{}.A-Z-]{0,9})", share in "[a-z][a-z0-9-]{0,47}") {
        let (Ok(names), Ok(share)) = (pattern.parse::<fleet::ShareNames>(), share.parse::<fleet::ShareName>()) else {
            return Ok(());
        };
        let published = pattern.parse::<NamePattern>().expect("a pattern for the publisher").host(share.as_ref()).ok();
        let declared = names.label(&share).map(|_| names.host(&share));
        prop_assert_eq!(declared.filter(|host| host != "localhost.local"), published.filter(|host| host != "localhost.local"));
        prop_assert_eq!(fleet::ShareNames::default().to_string(), NamePattern::default().to_string());
    }

    /// Two shares never have one name.
    #[test]
    fn each_share_has_a_name_of_its_own(pattern in "[a-z]{0,4}\\{share\\}[a-z]{0,4}", one in "[a-z]{1,6}", other in "[a-z]{1,6}") {
        let names = pattern.parse::<fleet::ShareNames>().expect("a pattern");
        let shares = [one, other].map(|share| share.parse::<fleet::ShareName>());
        if let [Ok(one), Ok(other)] = shares && one != other {
            prop_assert_ne!(names.host(&one), names.host(&other));
        }
    }
}
