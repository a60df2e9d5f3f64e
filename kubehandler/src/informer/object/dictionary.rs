//! What the objects of one kind have in common, learned from some of them, so that each is kept
//! as what makes it different.
//!
//! The format is zstd's with a dictionary ([RFC 8878], section 5). The contexts of compression
//! belong to the threads, since they are larger than many a store; a dictionary belongs to one
//! informer and is shared by the objects packed with it.
//!
//! [RFC 8878]: https://www.rfc-editor.org/rfc/rfc8878

use std::{cell::RefCell, fmt};

use zstd::zstd_safe::{CCtx, CDict, CParameter, DCtx, DDict, compress_bound};

/// The fastest level of zstd that finds long matches: the ones above save 1 % of what is kept
/// and take half as long again.
const LEVEL: i32 = 1;

/// The most that is trained: on pods, more saves no more.
const MAX_TRAINED: usize = 24 * 1024;

/// The largest object that a dictionary has a whole one of.
const MAX_WHOLE: usize = 8 * 1024;

/// Training needs this many times the size of the dictionary to learn from.
const SAMPLES_TO_SIZE: usize = 8;

/// A thread's buffer that grew larger is not kept for the next object.
pub(crate) const MAX_BUFFER: usize = 1024 * 1024;

/// Unpacks what was packed by the [`Compressor`] made with it.
pub(crate) struct Dictionary(DDict<'static>);

/// Packs objects with a dictionary.
pub(crate) struct Compressor(CDict<'static>);

/// An object that cannot be unpacked: memory was damaged, since only what was packed is ever kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("its compressed form is damaged")]
pub(crate) struct Corrupt;

thread_local! {
    static COMPRESSION: RefCell<CCtx<'static>> = RefCell::new(compression());
    static DECOMPRESSION: RefCell<(DCtx<'static>, Vec<u8>)> = RefCell::new((DCtx::create(), Vec::new()));
}

fn compression() -> CCtx<'static> {
    let mut context = CCtx::create();
    // The dictionary is known when an object is unpacked; its id would cost 4 bytes an object.
    let _ = context.set_parameter(CParameter::DictIdFlag(false));
    context
}

/// Learns a dictionary from the objects in `samples`, one after the other, with these lengths.
///
/// `None` if they have too little in common, or are too few.
///
/// Training chooses parts of the samples. A whole one after them, where it costs least to refer to,
/// has what others are most like: pods are 6 % smaller with it.
pub(crate) fn train(samples: &[u8], lengths: &[usize]) -> Option<(Compressor, Dictionary)> {
    let size = MAX_TRAINED.min(samples.len() / SAMPLES_TO_SIZE);
    let mut dictionary = zstd::dict::from_continuous(samples, lengths, size).ok()?;
    let last = lengths.last().copied().unwrap_or_default();
    let whole = samples.len() - last.min(MAX_WHOLE);
    dictionary.extend_from_slice(&samples[whole..]);
    let compressor = CDict::try_create(&dictionary, LEVEL)?;
    let dictionary = DDict::try_create(&dictionary)?;
    Some((Compressor(compressor), Dictionary(dictionary)))
}

impl Compressor {
    /// Packs `json` into `buffer`; false if it cannot be, or takes no less room then.
    pub(crate) fn pack(&self, json: &[u8], buffer: &mut Vec<u8>) -> bool {
        buffer.clear();
        buffer.reserve(compress_bound(json.len()));
        let packed = COMPRESSION.with_borrow_mut(|context| {
            context.ref_cdict(&self.0)?;
            context.compress2(buffer, json)
        });
        packed.is_ok() && buffer.len() < json.len()
    }
}

impl Dictionary {
    /// Returns what `read` makes of the `length` bytes that `packed` was.
    pub(crate) fn unpack<T>(
        &self,
        packed: &[u8],
        length: usize,
        read: impl FnOnce(&[u8]) -> T,
    ) -> Result<T, Corrupt> {
        // Taken out of its place while it is read, which may come here again.
        let mut buffer = DECOMPRESSION.with_borrow_mut(|(context, buffer)| {
            let mut buffer = std::mem::take(buffer);
            buffer.clear();
            buffer.reserve(length);
            let unpacked = context.decompress_using_ddict(&mut buffer, packed, &self.0);
            unpacked.map(|_| buffer).map_err(|_| Corrupt)
        })?;
        let answer = read(&buffer);
        buffer.clear();
        if buffer.capacity() <= MAX_BUFFER {
            DECOMPRESSION.with_borrow_mut(|(_, kept)| *kept = buffer);
        }
        Ok(answer)
    }
}

impl fmt::Debug for Dictionary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dictionary").finish_non_exhaustive()
    }
}

impl fmt::Debug for Compressor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Compressor").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(number: usize) -> String {
        format!(
            r#"{{"kind":"ConfigMap","metadata":{{"name":"settings-{number}","labels":{{"app":"web","tier":"front"}}}},"data":{{"number":"{}"}}}}"#,
            number * 7919
        )
    }

    fn trained(objects: usize) -> Option<(Compressor, Dictionary)> {
        let objects: Vec<String> = (0..objects).map(object).collect();
        let lengths: Vec<usize> = objects.iter().map(String::len).collect();
        train(objects.concat().as_bytes(), &lengths)
    }

    #[test]
    fn packed_object_is_smaller_and_comes_back_whole() {
        let (compressor, dictionary) = trained(200).expect("a dictionary");
        let object = object(1000);
        let mut packed = Vec::new();

        assert!(compressor.pack(object.as_bytes(), &mut packed));
        let whole = dictionary.unpack(&packed, object.len(), <[u8]>::to_vec);

        assert_eq!(whole, Ok(object.clone().into_bytes()));
        assert!(packed.len() * 3 < object.len(), "{} bytes", packed.len());
    }

    #[test]
    fn what_does_not_get_smaller_is_not_packed() {
        let (compressor, _) = trained(200).expect("a dictionary");

        assert!(!compressor.pack(b"7", &mut Vec::new()));
        assert!(!compressor.pack(b"", &mut Vec::new()));
    }

    #[test]
    fn damaged_object_is_an_error_and_the_next_is_not() {
        let (compressor, dictionary) = trained(200).expect("a dictionary");
        let object = object(1000);
        let mut packed = Vec::new();
        compressor.pack(object.as_bytes(), &mut packed);

        let cut = dictionary.unpack(&packed[..packed.len() / 2], object.len(), |_| ());
        let short = dictionary.unpack(&packed, object.len() / 2, |_| ());

        assert_eq!((cut, short), (Err(Corrupt), Err(Corrupt)));
        assert!(dictionary.unpack(&packed, object.len(), |_| ()).is_ok());
    }

    #[test]
    fn one_object_may_be_read_while_another_is() {
        let (compressor, dictionary) = trained(200).expect("a dictionary");
        let (one, other) = (object(1), object(2));
        let (mut packed, mut packed_other) = (Vec::new(), Vec::new());
        compressor.pack(one.as_bytes(), &mut packed);
        compressor.pack(other.as_bytes(), &mut packed_other);

        let both = dictionary.unpack(&packed, one.len(), |one| {
            let other = dictionary.unpack(&packed_other, other.len(), <[u8]>::to_vec);
            (one.to_vec(), other)
        });

        assert_eq!(both, Ok((one.into_bytes(), Ok(other.into_bytes()))));
    }

    #[test]
    fn too_little_to_learn_from_makes_no_dictionary() {
        assert!(trained(0).is_none());
        assert!(trained(2).is_none());
    }
}
