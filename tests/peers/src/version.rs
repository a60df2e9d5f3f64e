//! Resource versions that tell the round they belong to.
//!
//! A round is one update of every object; round 0 is what the first list shows. The object with index
//! `i` has the version `STRIDE * (round + 1) + i` in a round, so that versions grow with time, and a
//! callback can tell from the version alone which round it sees.

/// How far the versions of one object are apart from round to round; there are fewer objects than that.
pub const STRIDE: u64 = 10_000_000;

/// Returns the version of an object in a round, or of what comes after all objects of the round.
#[must_use]
pub fn of(round: u32, index: u64) -> u64 {
    STRIDE * (u64::from(round) + 1) + index
}

/// Returns the round of a version, and the index within it; `None` if it is older than any object.
#[must_use]
pub fn parts(version: u64) -> Option<(u32, u64)> {
    let round = (version / STRIDE).checked_sub(1)?;
    Some((u32::try_from(round).ok()?, version % STRIDE))
}

/// Returns the round that a `resourceVersion` belongs to.
#[must_use]
pub fn round(resource_version: &str) -> Option<u32> {
    parts(resource_version.parse().ok()?).map(|(round, _)| round)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_tells_round_and_index() {
        assert_eq!(parts(of(0, 7)), Some((0, 7)));
        assert_eq!(parts(of(41, 49_999)), Some((41, 49_999)));
        assert_eq!(round(&of(3, 0).to_string()), Some(3));
        assert_eq!(parts(7), None);
    }
}
