//! Amounts of resources, such as `500m` and `1Gi`.
//!
//! Source: `pkg/api/resource/quantity.go` of `k8s.io/apimachinery`.

use std::cmp::Ordering;

use crate::schema::quantity;

/// An amount.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::cel) struct Amount {
    /// In the smallest unit.
    nanos: i128,
    /// The power of ten that the real server counts in; `None` where it needs big numbers.
    scale: Option<i32>,
}

/// The power of ten of the smallest unit.
const LEAST: i32 = -9;

impl Amount {
    pub(in crate::cel) fn parse(text: &str) -> Result<Self, &'static str> {
        let (nanos, scale) = quantity::nanos(text)?;
        Ok(Self { nanos, scale })
    }

    pub(in crate::cel) fn whole(number: i64) -> Self {
        Self {
            nanos: i128::from(number) * 1_000_000_000,
            scale: Some(0),
        }
    }

    pub(in crate::cel) fn sign(self) -> i64 {
        i64::try_from(self.nanos.signum()).unwrap_or_default()
    }

    pub(in crate::cel) fn compared(&self, other: &Self) -> Ordering {
        self.nanos.cmp(&other.nanos)
    }

    pub(in crate::cel) fn plus(self, other: Self) -> Self {
        if self.nanos == 0 {
            return other;
        }
        if other.nanos == 0 {
            return self;
        }
        Self {
            nanos: self.nanos.saturating_add(other.nanos),
            scale: self
                .scale
                .zip(other.scale)
                .map(|(one, other)| one.min(other)),
        }
    }

    pub(in crate::cel) fn negative(self) -> Self {
        Self {
            nanos: self.nanos.saturating_neg(),
            ..self
        }
    }

    pub(in crate::cel) fn integer(self) -> Option<i64> {
        self.scale.filter(|scale| *scale >= 0)?;
        i64::try_from(self.nanos / 1_000_000_000).ok()
    }

    #[expect(clippy::cast_precision_loss, reason = "the result is approximate")]
    pub(in crate::cel) fn approximate(self) -> f64 {
        let scale = self.scale.unwrap_or(LEAST).clamp(LEAST, 18);
        let unit = 10_i128.pow((scale - LEAST).unsigned_abs());
        let value = (self.nanos / unit) as f64;
        value * 10_f64.powi(scale)
    }
}
