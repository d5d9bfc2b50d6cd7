//! The numbers that a rule is written over.

use std::fmt::Debug;
use std::ops::{Add, Div, Mul, Neg, Sub};
use tch::Kind;

/// `f32` or `f64`, with the operations that update rules need. Results are libtorch's, with NaN and zeros too.
///
/// There is no fused multiply-add: products and sums round one by one, so a rule gives the same bits with and without
/// vector instructions, and the order of operations is the one that is written.
pub trait Float:
    Copy
    + Debug
    + PartialOrd
    + Send
    + Sync
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + 'static
{
    /// libtorch's name.
    const KIND: Kind;
    /// 0.
    const ZERO: Self;
    /// 1.
    const ONE: Self;

    /// The nearest number.
    fn of(value: f64) -> Self;

    /// Square root.
    fn sqrt(self) -> Self;

    /// Without its sign.
    fn abs(self) -> Self;

    /// -1, 0 or 1; 0 for zeros and NaN, as `Tensor::sign`.
    #[inline(always)]
    fn sign(self) -> Self {
        let positive = if self > Self::ZERO {
            Self::ONE
        } else {
            Self::ZERO
        };
        let negative = if self < Self::ZERO {
            Self::ONE
        } else {
            Self::ZERO
        };
        positive - negative
    }

    /// The larger; NaN if either is, as `Tensor::maximum` and `clamp`. One instruction where `other` is a constant.
    #[inline(always)]
    #[expect(clippy::eq_op, reason = "only NaN differs from itself")]
    fn max(self, other: Self) -> Self {
        let larger = if other > self { other } else { self };
        if other != other { other } else { larger }
    }

    /// The smaller; NaN if either is, as `Tensor::minimum` and `clamp`. One instruction where `other` is a constant.
    #[inline(always)]
    #[expect(clippy::eq_op, reason = "only NaN differs from itself")]
    fn min(self, other: Self) -> Self {
        let smaller = if other < self { other } else { self };
        if other != other { other } else { smaller }
    }

    /// Several constants at once: `let [rate, decay] = F::all([self.rate, self.decay]);`
    #[inline(always)]
    fn all<const K: usize>(values: [f64; K]) -> [Self; K] {
        values.map(Self::of)
    }
}

macro_rules! float {
    ($type:ident, $kind:expr) => {
        impl Float for $type {
            const KIND: Kind = $kind;
            const ZERO: $type = 0.0;
            const ONE: $type = 1.0;

            #[inline(always)]
            fn of(value: f64) -> $type {
                value as $type
            }

            #[inline(always)]
            fn sqrt(self) -> $type {
                $type::sqrt(self)
            }

            #[inline(always)]
            fn abs(self) -> $type {
                $type::abs(self)
            }
        }
    };
}

float!(f32, Kind::Float);
float!(f64, Kind::Double);
