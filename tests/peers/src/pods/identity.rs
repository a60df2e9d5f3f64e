//! The variable fields of one pod.

use std::io::Write as _;

use crate::pods::{Revision, random, shard};

/// When the youngest pods were made: 2024-10-27.
const NEWEST: u64 = 1_730_000_000;

/// How many seconds older the oldest pods are.
const AGE: u64 = 20_000_000;

const NAMESPACES: u64 = 40;
const NODES: u64 = 500;

const SUBJECTS: [&str; 20] = [
    "account", "basket", "billing", "catalog", "checkout", "delivery", "discount", "invoice",
    "ledger", "mail", "order", "payment", "price", "profile", "rating", "refund", "report",
    "search", "stock", "voucher",
];
const ROLES: [&str; 10] = [
    "api", "cache", "consumer", "cron", "export", "gateway", "import", "indexer", "web", "worker",
];

/// What a placeholder of the template stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    App,
    Checksum,
    Container,
    Created,
    Hash,
    HostIp,
    Image,
    Mount,
    Name,
    Namespace,
    Node,
    Note,
    Owner,
    PodIp,
    Ready,
    Release,
    Restarts,
    Shard,
    Started,
    Tag,
    Uid,
    Version,
}

impl Field {
    /// Returns the field that the template writes as `<name>`.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "app" => Self::App,
            "checksum" => Self::Checksum,
            "container" => Self::Container,
            "created" => Self::Created,
            "hash" => Self::Hash,
            "host-ip" => Self::HostIp,
            "image" => Self::Image,
            "mount" => Self::Mount,
            "name" => Self::Name,
            "namespace" => Self::Namespace,
            "node" => Self::Node,
            "note" => Self::Note,
            "owner" => Self::Owner,
            "pod-ip" => Self::PodIp,
            "ready" => Self::Ready,
            "release" => Self::Release,
            "restarts" => Self::Restarts,
            "shard" => Self::Shard,
            "started" => Self::Started,
            "tag" => Self::Tag,
            "uid" => Self::Uid,
            "version" => Self::Version,
            _ => return None,
        })
    }
}

/// One pod in one round; what is used more than once is made once.
pub(crate) struct Identity {
    index: u32,
    round: u32,
    version: u64,
    note: u32,
    subject: &'static str,
    role: &'static str,
    hash: [u8; 10],
    mount: [u8; 5],
    node: u64,
    pod_address: u32,
    owner: [u8; 36],
    created: Time,
    started: Time,
    ready: Time,
}

/// A time in seconds since 1970, and as text.
struct Time(u64, [u8; 20]);

impl Identity {
    pub(crate) fn new(revision: &Revision) -> Self {
        let Revision {
            index,
            round,
            version,
            note,
        } = *revision;
        let choice = random::bits(index, 0);
        let created = NEWEST - (choice >> 32) % AGE;
        let started = created + 1 + (choice >> 8) % 8;
        // A status update is a container that was started again, and got ready.
        let ready = started + 2 + (choice >> 16) % 30 + 60 * u64::from(round);
        Self {
            index,
            round,
            version,
            note,
            subject: pick(&SUBJECTS, choice),
            role: pick(&ROLES, choice >> 24),
            hash: random::suffix(index, 1),
            mount: random::suffix(index, 2),
            node: random::bits(index, 3) % NODES,
            // An odd factor: as far as there are addresses, no two pods have the same.
            pod_address: index.wrapping_mul(2_654_435_761) & 0x003F_FFFF,
            owner: random::uuid(index, 4),
            created: Time::new(created),
            started: Time::new(started + 60 * u64::from(round)),
            ready: Time::new(ready),
        }
    }

    /// Appends what stands in the place of `field`.
    pub(crate) fn write(&self, field: Field, out: &mut Vec<u8>) {
        match field {
            Field::App => self.write_app(out),
            Field::Hash => out.extend_from_slice(&self.hash),
            Field::Mount => out.extend_from_slice(&self.mount),
            Field::Owner => out.extend_from_slice(&self.owner),
            Field::Created => out.extend_from_slice(&self.created.1),
            Field::Started => out.extend_from_slice(&self.started.1),
            Field::Ready => out.extend_from_slice(&self.ready.1),
            Field::Uid => out.extend_from_slice(&random::uuid(self.index, 6)),
            Field::Checksum => out.extend_from_slice(&random::hex::<64>(self.index, 8)),
            Field::Container => {
                // A container that was started again is another one.
                out.extend_from_slice(&random::hex::<64>(self.index ^ (self.round << 24), 12));
            }
            Field::Image => out.extend_from_slice(&random::hex::<64>(self.index, 16)),
            Field::Release => out.extend_from_slice(&random::hex::<16>(self.index, 20)),
            Field::Tag => out.extend_from_slice(&random::hex::<12>(self.index, 21)),
            Field::Name => self.write_name(out),
            Field::Namespace => {
                number(out, "team-", random::bits(self.index, 22) % NAMESPACES);
            }
            Field::Note => {
                let revision = self.index ^ (self.round << 20);
                out.extend(random::digits(revision, 24).take(self.note as usize));
            }
            Field::Shard => number(out, "", u64::from(shard(self.index))),
            Field::Restarts => number(out, "", u64::from(self.round)),
            Field::Version => number(out, "", self.version),
            Field::Node => {
                number(out, "pool-", self.node % 7);
                out.push(b'-');
                // Nodes are numbered from above, so that no pod shares their random bits.
                let node = u32::MAX - u32::try_from(self.node).unwrap_or(0);
                out.extend_from_slice(&random::suffix::<8>(node, 0));
            }
            Field::HostIp => {
                number(out, "10.1.", self.node / 250);
                number(out, ".", 1 + self.node % 250);
            }
            Field::PodIp => {
                let [_, b, c, d] = self.pod_address.to_be_bytes();
                number(out, "10.", 128 + u64::from(b));
                number(out, ".", u64::from(c));
                number(out, ".", u64::from(d));
            }
        }
    }

    /// Returns the number that stands in the place of `field`: for a time, its seconds since 1970.
    ///
    /// `None` if it is text.
    pub(crate) fn number(&self, field: Field) -> Option<u64> {
        match field {
            Field::Created => Some(self.created.0),
            Field::Started => Some(self.started.0),
            Field::Ready => Some(self.ready.0),
            Field::Restarts => Some(self.round.into()),
            _ => None,
        }
    }

    fn write_app(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.subject.as_bytes());
        out.push(b'-');
        out.extend_from_slice(self.role.as_bytes());
    }

    fn write_name(&self, out: &mut Vec<u8>) {
        self.write_app(out);
        out.push(b'-');
        out.extend_from_slice(&self.hash);
        out.push(b'-');
        out.extend_from_slice(&random::suffix::<5>(self.index, 23));
        // The contestants find their bookkeeping by it.
        number(out, "-", u64::from(self.index));
    }
}

impl Time {
    fn new(unix_seconds: u64) -> Self {
        Self(unix_seconds, time(unix_seconds))
    }
}

fn pick(words: &[&'static str], choice: u64) -> &'static str {
    words[usize::try_from(choice % words.len() as u64).unwrap_or(0)]
}

fn number(out: &mut Vec<u8>, before: &str, number: u64) {
    // Writing into memory cannot fail.
    let _ = write!(out, "{before}{number}");
}

/// Writes a time as Kubernetes does, in whole seconds.
fn time(unix_seconds: u64) -> [u8; 20] {
    let (days, second) = (unix_seconds / 86_400, unix_seconds % 86_400);
    // Years begin in March here, so that the leap day is the last of its year.
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = 400 * era + year + u64::from(month <= 2);

    let mut text = *b"0000-00-00T00:00:00Z";
    for (at, len, mut value) in [
        (0, 4, year),
        (5, 2, month),
        (8, 2, day),
        (11, 2, second / 3_600),
        (14, 2, second / 60 % 60),
        (17, 2, second % 60),
    ] {
        for digit in text[at..at + len].iter_mut().rev() {
            *digit = b'0' + u8::try_from(value % 10).unwrap_or(0);
            value /= 10;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_written_as_kubernetes_does() {
        assert_eq!(&time(0), b"1970-01-01T00:00:00Z");
        assert_eq!(&time(951_782_399), b"2000-02-28T23:59:59Z");
        assert_eq!(&time(1_709_210_096), b"2024-02-29T12:34:56Z");
    }
}
