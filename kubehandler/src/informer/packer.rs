//! From an item of the server to what the store keeps of it, and when to learn anew how.

use std::{cell::RefCell, sync::Arc};

use crate::informer::{
    codec::{Item, TypeMeta},
    dictionary::{self, Compressor, Dictionary, MAX_BUFFER},
    stored::Stored,
};

/// So many objects are learned from; a store with fewer keeps them as they are.
pub(crate) const SAMPLES: usize = 64;

/// A dictionary is taken for outdated when what is packed with it grows by so much.
const DRIFT: f64 = 1.25;

/// The most dictionaries of one informer, for each lives as long as an object packed with it.
const MAX_DICTIONARIES: u32 = 8;

/// Packs the objects of one informer, and knows when to learn anew how.
#[derive(Debug, Default)]
pub(crate) struct Packer {
    encoder: Encoder,
    drift: Drift,
}

/// Packs objects as was learned last; cheap to clone, for those who pack at the same time.
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
    dictionaries: u32,
    /// Objects packed with the current dictionary, or kept without one.
    packed: u64,
    /// How many bytes of the last objects were left of a byte of JSON: a moving average.
    ratio: f64,
    /// The same for the first objects of the current dictionary.
    at_first: f64,
    /// The store had so many objects when it was last learned from.
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

    /// Returns true if a dictionary should be made now, of a store with so many objects.
    pub(crate) fn wants_training(&self, objects: impl FnOnce() -> usize) -> bool {
        self.drift.wants_training(objects)
    }

    /// Takes what was learned from a store with so many objects.
    pub(crate) fn learn(&mut self, learned: Learned, objects: usize) {
        self.drift.trained(objects, learned.0.is_some());
        if let Some((compressor, dictionary)) = learned.0 {
            self.encoder = Encoder(Some((Arc::new(compressor), Arc::new(dictionary))));
        }
    }
}

/// A dictionary, unless the objects had too little in common.
#[derive(Debug, Default)]
pub(crate) struct Learned(Option<(Compressor, Dictionary)>);

impl Learned {
    /// Learns from some objects of a store; this takes tens of milliseconds.
    pub(crate) fn from(samples: &[Stored]) -> Self {
        let mut json = Vec::new();
        let mut lengths = Vec::with_capacity(samples.len());
        for sample in samples {
            let read = sample.with_rest(|sample| json.extend_from_slice(sample));
            if read.is_ok() {
                lengths.push(sample.length());
            }
        }
        Self(dictionary::train(&json, &lengths))
    }
}

impl Drift {
    /// So many objects make the first average, and so many are remembered by the moving one.
    const WINDOW: u64 = 256;

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

    fn wants_training(&self, objects: impl FnOnce() -> usize) -> bool {
        if self.dictionaries == 0 {
            // Also again, where the first objects had nothing in common.
            return self.packed >= SAMPLES as u64 && objects() >= SAMPLES.max(self.objects * 4);
        }
        // After so many, so that the cost of training is small beside that of packing.
        self.packed >= 32 * SAMPLES as u64
            && self.ratio > self.at_first * DRIFT
            && self.dictionaries < MAX_DICTIONARIES
    }

    fn trained(&mut self, objects: usize, has_learned: bool) {
        *self = Self {
            dictionaries: self.dictionaries + u32::from(has_learned),
            objects,
            ..Self::default()
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::informer::fields::Fields;

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

    fn trained(kind: &str) -> (Packer, Vec<Stored>) {
        let mut packer = Packer::default();
        let stored: Vec<_> = (0..SAMPLES)
            .map(|n| pack(&mut packer, &json(kind, n)))
            .collect();
        assert!(!packer.wants_training(|| SAMPLES - 1));
        assert!(packer.wants_training(|| SAMPLES));
        packer.learn(Learned::from(&stored), SAMPLES);
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
        assert!(!packer.wants_training(|| 3000), "nothing has changed");

        let mut tulips: Vec<_> = (0..3000)
            .map(|n| pack(&mut packer, &json("tulip", n)))
            .collect();
        assert!(packer.wants_training(|| 6000));
        let before = tulips[7].size();
        tulips.truncate(SAMPLES);
        packer.learn(Learned::from(&tulips), 6000);
        let after = pack(&mut packer, &json("tulip", 7));

        assert!(after.size() < before, "{} {before}", after.size());
        assert!(after.with_json(|json| json.ends_with(b"}")).expect("whole"));
        assert!(
            tulips[7]
                .with_json(|json| json.ends_with(b"}"))
                .expect("the old ones too")
        );
    }

    #[test]
    fn dictionaries_are_few_whatever_the_objects_are() {
        let (mut packer, _) = trained("rose");
        let mut trainings = 0;
        for kind in 0..30 {
            let kind = format!("kind{kind}{}", "x".repeat(kind));
            for number in 0..3000 {
                let stored = pack(&mut packer, &json(&kind, number));
                if packer.wants_training(|| SAMPLES) {
                    packer.learn(Learned::from(&vec![stored; SAMPLES]), SAMPLES);
                    trainings += 1;
                }
            }
        }

        assert!(trainings < MAX_DICTIONARIES, "{trainings}");
    }
}
