//! What is said about one share on the LAN.

use crate::share::Kind;
use std::collections::BTreeSet;
use std::net::IpAddr;

/// One share's records: they come and go together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announcement {
    /// The name that its addresses are found by: `timemachine-samba.local`.
    pub host: String,
    /// Its addresses; never empty.
    pub addresses: BTreeSet<IpAddr>,
    /// The name that people see it by (RFC 6763, section 4.1: a service's instance).
    pub instance: String,
    /// What it is for.
    pub kind: Kind,
}

/// One service record: where, and what is said beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// `_smb._tcp`
    pub service: &'static str,
    /// Its TCP port; 9 (discard) for a record that only carries words, 0 for one that is no service at all.
    pub port: u16,
    /// The words of its TXT record.
    pub words: Vec<String>,
}

impl Announcement {
    /// Its service records.
    ///
    /// A Mac finds Time Machine's disks by `_adisk._tcp`, whose `adVF` is a sum of flags: 0x100 for the machine says that
    /// what follows is up to date, 0x82 for a disk that it is SMB and takes backups (`dk0`, the first disk, named by its
    /// share). `_device-info._tcp` draws the picture of a Time Capsule.
    pub fn records(&self) -> Vec<Record> {
        let mut records = vec![Record { service: "_smb._tcp", port: 445, words: Vec::new() }];
        if self.kind == Kind::TimeMachine {
            let disk = format!("dk0=adVN={},adVF=0x82", self.instance);
            let words = vec!["sys=waMa=0,adVF=0x100".to_owned(), disk];
            records.push(Record { service: "_adisk._tcp", port: 9, words });
            let words = vec!["model=TimeCapsule8,119".to_owned()];
            records.push(Record { service: "_device-info._tcp", port: 0, words });
        }
        records
    }

    /// Addresses, for people: `192.168.1.200`.
    pub fn whereabouts(&self) -> String {
        self.addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    }
}
