//! From an item of the server to what the store keeps of it, and when to learn anew how.

use std::{
    cell::RefCell,
    sync::{Arc, Weak},
};

use crate::informer::{
    object::{
        dictionary::{self, Compressor, Dictionary, MAX_BUFFER},
        stored::Stored,
    },
    wire::item::{Item, TypeMeta},
};

/// The number of objects to learn from. A store with fewer keeps them uncompressed.
pub(crate) const SAMPLES: usize = 64;

/// The most bytes of one sample: the parts of a large object resemble those of others of its kind.
const PIECE: usize = 8 * 1024;

/// The number of different places from which pieces of large objects are taken.
const PLACES: usize = 16;

/// The most bytes to learn from: eight times the largest dictionary.
const MAX_LEARNED: usize = 256 * 1024;

/// The number of bytes on which a new dictionary is compared with the last one.
const MAX_COMPARED: usize = 1024 * 1024;

/// A dictionary is outdated when the packed objects grow by this factor.
const DRIFT: f64 = 1.25;

/// A dictionary was learned too early once there are this many times as many objects: the first of a
/// list are those of the namespaces that sort first, and need not be like the others.
const GROWTH: usize = 4;

/// A new dictionary must save at least this part of what the last one leaves.
const GAIN: f64 = 0.05;

/// The most dictionaries that one informer has at a time: each lives as long as an object packed with it.
const MAX_DICTIONARIES: usize = 8;

/// Packs the objects of one informer, and knows when to learn anew how.
#[derive(Debug, Default)]
pub(crate) struct Packer {
    encoder: Encoder,
    drift: Drift,
    dictionaries: Vec<Weak<Dictionary>>,
}

/// Packs objects with the last dictionary. Cheap to clone, so that several threads can pack at once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Encoder(Option<(Arc<Compressor>, Arc<Dictionary>)>);

/// What packing needs room for: an object's JSON, packed, and with what stands before it.
#[derive(Debug, Default)]
struct Buffers {
    json: Vec<u8>,
    packed: Vec<u8>,
    whole: Vec<u8>,
}

thread_local! {
    // Made anew for some objects, they would leave holes between those.
    static BUFFERS: RefCell<Buffers> = RefCell::default();
}

impl Encoder {
    /// Returns true once it was learned how to pack; objects are kept as they are before.
    pub(crate) fn is_learned(&self) -> bool {
        self.0.is_some()
    }

    /// Packs one item, whose key is `key` as text.
    pub(crate) fn pack(&self, key: &str, item: &Item<'_>, types: &TypeMeta) -> Stored {
        BUFFERS.with_borrow_mut(|buffers| {
            let Buffers {
                json,
                packed,
                whole,
            } = buffers;
            let metadata_at = item.write(types, json);
            let packed = match &self.0 {
                Some((compressor, dictionary)) => compressor
                    .pack(json, packed)
                    .then_some((&**packed, dictionary)),
                None => None,
            };
            let stored = Stored::new(key, item, (json, metadata_at), packed, whole);
            if json.capacity() > MAX_BUFFER {
                *buffers = Buffers::default();
            }
            stored
        })
    }
}

/// Whether the objects still resemble those that were learned from.
#[derive(Debug, Default)]
struct Drift {
    /// Objects packed since it was last tried to learn.
    packed: usize,
    /// How many bytes of the last objects were left of a byte of JSON: a moving average.
    ratio: f64,
    /// The same for the first objects since.
    at_first: f64,
    /// The number of objects in the store then.
    objects: usize,
}

impl Packer {
    /// Packs one item, whose key is `key` as text.
    pub(crate) fn pack(&mut self, key: &str, item: &Item<'_>, types: &TypeMeta) -> Stored {
        let stored = self.encoder.pack(key, item, types);
        self.saw(&stored);
        stored
    }

    /// Notes an object that was packed with the [`encoder`](Self::encoder).
    pub(crate) fn saw(&mut self, stored: &Stored) {
        self.drift.saw(stored.size(), stored.length());
    }

    /// Returns what packs objects now.
    pub(crate) fn encoder(&self) -> &Encoder {
        &self.encoder
    }

    /// Returns true if a dictionary should be made now, of a store with this number of objects.
    pub(crate) fn wants_training(&self, objects: impl FnOnce() -> usize) -> bool {
        let is_learned = self.encoder.is_learned();
        self.drift.wants_training(is_learned, objects) && self.living() < MAX_DICTIONARIES
    }

    /// Returns the number of dictionaries that are in use.
    fn living(&self) -> usize {
        let dictionaries = self.dictionaries.iter();
        dictionaries
            .filter(|dictionary| dictionary.strong_count() > 0)
            .count()
    }

    /// Takes what was learned from a store with this number of objects.
    pub(crate) fn learn(&mut self, learned: Learned, objects: usize) {
        self.drift = Drift {
            objects,
            ..Drift::default()
        };
        if let Some((compressor, dictionary)) = learned.0 {
            let (compressor, dictionary) = (Arc::new(compressor), Arc::new(dictionary));
            self.dictionaries
                .retain(|dictionary| dictionary.strong_count() > 0);
            self.dictionaries.push(Arc::downgrade(&dictionary));
            self.encoder = Encoder(Some((compressor, dictionary)));
        }
    }
}

/// A dictionary, unless the objects have too little in common, or the last one is as good.
#[derive(Debug, Default)]
pub(crate) struct Learned(Option<(Compressor, Dictionary)>);

impl Learned {
    /// Learns from some objects of a store that are packed with `last`.
    ///
    /// This takes tens of milliseconds, and is not for a thread on which others wait.
    pub(crate) fn from(samples: &[Stored], last: &Encoder) -> Self {
        let (texts, lengths) = to_learn_from(samples);
        let learned = dictionary::train(&texts, &lengths);
        Self(learned.filter(|(learned, _)| last.is_worse_than(learned, samples)))
    }
}

/// Returns texts one after the other, and the length of each: objects, and pieces of those that are large.
fn to_learn_from(samples: &[Stored]) -> (Vec<u8>, Vec<usize>) {
    let mut texts = Vec::new();
    let mut lengths = Vec::with_capacity(samples.len());
    for (number, sample) in samples.iter().enumerate() {
        // Here the beginning of an object, there its end: together they are one of their kind.
        let spare = sample.length().saturating_sub(PIECE);
        let start = spare * (number % PLACES) / (PLACES - 1);
        let length = sample.length() - spare;
        if texts.len() + length > MAX_LEARNED {
            break;
        }
        let read = sample.with_rest(|json| {
            texts.extend_from_slice(json.get(start..start + length).unwrap_or_default());
        });
        if read.is_ok() {
            lengths.push(length);
        }
    }
    (texts, lengths)
}

impl Encoder {
    /// Returns true if `other` packs these objects so much better that it pays to have both.
    fn is_worse_than(&self, other: &Compressor, samples: &[Stored]) -> bool {
        let Some((compressor, _)) = &self.0 else {
            return true;
        };
        let (mut compared, mut own, mut others) = (0, 0, 0);
        let mut packed = Vec::new();
        let mut size = |compressor: &Compressor, json: &[u8]| {
            let is_packed = compressor.pack(json, &mut packed);
            if is_packed { packed.len() } else { json.len() }
        };
        // What was learned from tells less: others come first.
        for sample in samples.iter().rev() {
            let _ = sample.with_rest(|json| {
                compared += json.len();
                own += size(compressor, json);
                others += size(other, json);
            });
            if compared >= MAX_COMPARED {
                break;
            }
        }
        #[expect(clippy::cast_precision_loss, reason = "at most a few MiB")]
        let is_worse = (others as f64) < own as f64 * (1.0 - GAIN);
        is_worse
    }
}

impl Drift {
    /// The number of objects in the first average, and in the moving one.
    const WINDOW: usize = 256;

    fn saw(&mut self, kept: usize, json: usize) {
        #[expect(
            clippy::cast_precision_loss,
            reason = "a ratio of two digits is enough"
        )]
        let ratio = kept as f64 / json.max(1) as f64;
        self.packed += 1;
        #[expect(clippy::cast_precision_loss, reason = "at most 256")]
        let weight = self.packed.min(Self::WINDOW) as f64;
        self.ratio += (ratio - self.ratio) / weight;
        if self.packed <= Self::WINDOW {
            self.at_first = self.ratio;
        }
    }

    fn wants_training(&self, is_learned: bool, objects: impl FnOnce() -> usize) -> bool {
        if !is_learned {
            // Also again, where the first objects had nothing in common.
            return self.packed >= SAMPLES && objects() >= SAMPLES.max(self.objects * 4);
        }
        // Not before this many, so that training costs little beside packing.
        let has_changed = self.packed >= 32 * SAMPLES && self.ratio > self.at_first * DRIFT;
        // To count the objects costs a lock: a store of many changes and few objects is seldom asked.
        let may_have_grown =
            self.packed >= self.objects * (GROWTH - 1) && self.packed.is_multiple_of(SAMPLES);
        has_changed || (may_have_grown && objects() >= self.objects * GROWTH)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::informer::wire::fields::Fields;

    fn types() -> TypeMeta {
        TypeMeta {
            api_version: "v1".to_owned(),
            kind: "ConfigMap".to_owned(),
        }
    }

    fn pack(packer: &mut Packer, json: &str) -> Stored {
        let item = Item::read(json.as_bytes(), &Fields::default()).expect("readable");
        packer.pack(item.key().as_str(), &item, &types())
    }

    fn json(kind: &str, number: usize) -> String {
        let hash = format!(
            "{:016x}",
            (number as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)
        );
        format!(
            r#"{{"kind":"ConfigMap","apiVersion":"v1","metadata":{{"name":"{kind}-{number}","uid":"{hash}","resourceVersion":"{number}","labels":{{"{kind}.example.com/{kind}":"{kind}","tier":"front"}}}},"data":{{"{kind}-{kind}":"the {kind} is a {kind} is a {kind}","number":"{hash}"}}}}"#
        )
    }

    /// Returns an object of a kind that has nothing in common with others.
    fn stranger(kind: u64, number: usize) -> String {
        let words = (0..40).map(|word| {
            let hash = (kind * 1000 + word + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            format!(
                r#","{hash:016x}":"{:x}""#,
                hash.rotate_left(7) ^ 0x5bd1_e995
            )
        });
        let words: String = words.collect();
        format!(
            r#"{{"kind":"ConfigMap","apiVersion":"v1","metadata":{{"name":"a-{number}"}},"data":{{"number":"{number}"{words}}}}}"#
        )
    }

    fn trained(kind: &str) -> (Packer, Vec<Stored>) {
        let mut packer = Packer::default();
        let stored: Vec<_> = (0..SAMPLES)
            .map(|n| pack(&mut packer, &json(kind, n)))
            .collect();
        assert!(!packer.wants_training(|| SAMPLES - 1));
        assert!(packer.wants_training(|| SAMPLES));
        packer.learn(Learned::from(&stored, &Encoder::default()), SAMPLES);
        (packer, stored)
    }

    #[test]
    fn objects_are_packed_once_there_are_enough_and_read_the_same_before_and_after() {
        let (mut packer, first) = trained("rose");

        let later = pack(&mut packer, &json("rose", 5));

        assert!(later.size() * 2 < first[5].size(), "{}", later.size());
        assert!(later.is_same_version(&first[5]));
        assert_eq!(
            later.with_json(<[u8]>::to_vec),
            first[5].with_json(<[u8]>::to_vec)
        );
    }

    #[test]
    fn another_dictionary_is_made_when_the_objects_no_longer_resemble_the_first() {
        let (mut packer, _) = trained("rose");
        for number in 0..3000 {
            pack(&mut packer, &json("rose", number));
        }
        assert!(
            !packer.wants_training(|| SAMPLES),
            "nothing has changed, and there are no more"
        );

        let mut tulips: Vec<_> = (0..3000)
            .map(|n| pack(&mut packer, &json("tulip", n)))
            .collect();
        assert!(packer.wants_training(|| SAMPLES));
        let before = tulips[7].size();
        tulips.truncate(SAMPLES);
        packer.learn(Learned::from(&tulips, packer.encoder()), 6000);
        let after = pack(&mut packer, &json("tulip", 7));

        assert!(after.size() < before, "{} {before}", after.size());
        assert!(after.with_json(|json| json.ends_with(b"}")).expect("whole"));
        assert!(
            tulips[7]
                .with_json(|json| json.ends_with(b"}"))
                .expect("the old ones too")
        );
    }

    /// Plays a list in which these objects come one after the other; returns what is kept of them.
    fn list(packer: &mut Packer, objects: impl Iterator<Item = String>) -> Vec<Stored> {
        let mut stored = Vec::new();
        for json in objects {
            stored.push(pack(packer, &json));
            if packer.wants_training(|| stored.len()) {
                let step = (stored.len() / SAMPLES).max(1);
                let samples = stored.iter().step_by(step).take(SAMPLES);
                let samples: Vec<_> = samples.cloned().collect();
                let learned = Learned::from(&samples, packer.encoder());
                packer.learn(learned, stored.len());
            }
        }
        stored
    }

    #[test]
    fn first_objects_of_a_list_do_not_decide_for_all_others() {
        let size = |objects: &[Stored]| objects.iter().map(Stored::size).sum::<usize>();
        let roses = || (0..5000).map(|number| stranger(1, number));
        let alone = list(&mut Packer::default(), roses());
        let others = (0..400).map(|number| stranger(2 + number, 0));

        let mixed = list(&mut Packer::default(), others.chain(roses()));

        // Those that came before it was learned anew are as large as they were.
        let (alone, mixed) = (size(&alone[2000..]), size(&mixed[2400..]));
        assert!(mixed * 20 < alone * 21, "{mixed} instead of {alone}");
    }

    #[test]
    fn what_packs_no_better_than_the_last_is_not_taken() {
        let (packer, stored) = trained("rose");
        let others: Vec<_> = (100..100 + SAMPLES)
            .map(|number| pack(&mut Packer::default(), &json("rose", number)))
            .collect();
        assert!(Learned::from(&stored, &Encoder::default()).0.is_some());

        assert!(Learned::from(&stored, packer.encoder()).0.is_none());
        assert!(Learned::from(&others, packer.encoder()).0.is_none());
    }

    #[test]
    fn dictionaries_are_few_whatever_the_objects_are() {
        let (mut packer, mut kept) = trained("rose");
        kept.extend((0..300).map(|number| pack(&mut packer, &json("rose", number))));
        let mut trainings = 0;
        for kind in 0..30 {
            for number in 0..3000 {
                let stored = pack(&mut packer, &stranger(kind, number));
                kept.push(stored.clone());
                if packer.wants_training(|| SAMPLES) {
                    let samples = vec![stored; SAMPLES];
                    packer.learn(Learned::from(&samples, packer.encoder()), SAMPLES);
                    trainings += 1;
                    // The next average begins with these, and rises with the next kind.
                    for number in 0..300 {
                        kept.push(pack(&mut packer, &stranger(kind, number)));
                    }
                }
            }
        }

        assert_eq!(packer.living(), MAX_DICTIONARIES);
        assert_eq!(trainings, MAX_DICTIONARIES - 1);

        kept.clear();
        assert_eq!(packer.living(), 1, "the last is for what comes");
    }

    #[test]
    fn large_objects_are_learned_from_in_pieces_from_all_over_them() {
        for size in [1_000, 30_000, 1_000_000] {
            let text = (0..size / 8).fold(String::new(), |text, at| text + &format!("{at:08}"));
            let json = format!(r#"{{"metadata":{{"name":"a"}},"data":{{"a":"{text}"}}}}"#);
            let stored = pack(&mut Packer::default(), &json);

            let (texts, lengths) = to_learn_from(&vec![stored; SAMPLES]);

            assert_eq!(texts.len(), lengths.iter().sum::<usize>());
            assert!(texts.len() <= MAX_LEARNED, "{size}: {}", texts.len());
            assert!(lengths.len() >= 32, "{size}: {}", lengths.len());
            for part in [
                b"00000001".as_slice(),
                format!("{:08}", size / 8 - 1).as_bytes(),
            ] {
                assert!(memchr::memmem::find(&texts, part).is_some(), "{size}");
            }
        }
    }
}
