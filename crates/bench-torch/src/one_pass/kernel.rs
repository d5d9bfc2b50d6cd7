//! The loop over one piece of memory, for the instructions that the machine has.

use super::memory::Span;
use super::{Elementwise, Float};
use std::ops::Range;
use std::sync::LazyLock;

/// Applies the rule to a range of a span's elements.
///
/// # Safety
/// The span's pointers are valid, the range is inside it, and nothing else uses these elements meanwhile.
pub(super) unsafe fn run<F: Float, const N: usize, R: Elementwise<N>>(
    rule: R,
    span: &Span<F, N>,
    range: Range<usize>,
) {
    let (start, length) = (range.start, range.len());
    // SAFETY: as promised by the caller. Each slice is the only one of its memory.
    let (parameter, gradient, mut state) = unsafe {
        (
            std::slice::from_raw_parts_mut(span.parameter.add(start), length),
            std::slice::from_raw_parts(span.gradient.add(start), length),
            span.state
                .map(|pointer| std::slice::from_raw_parts_mut(pointer.add(start), length)),
        )
    };
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the machine has the instructions.
        unsafe { with_avx2(rule, parameter, gradient, &mut state) };
        return;
    }
    sweep(rule, parameter, gradient, &mut state);
}

/// [`sweep`], compiled for AVX2. Twice the width of the baseline's vectors; the same bits.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn with_avx2<F: Float, const N: usize, R: Elementwise<N>>(
    rule: R,
    parameter: &mut [F],
    gradient: &[F],
    state: &mut [&mut [F]; N],
) {
    sweep(rule, parameter, gradient, state);
}

/// Elements that are computed between two looks ahead: a cache line of `f32`, and two vectors of AVX2.
const BLOCK: usize = 16;

/// How far ahead memory is asked for, in bytes of each of so many tensors. Processors look ahead by themselves, but not over the border of a page, of which
/// several tensors have many: an eighth of the time of some rules, where pages are small. Elsewhere than on AMD's it is about what is under way when memory is busy; a Zen 4
/// at one thread takes 15 to 22 % less time with eight cache lines of each tensor than with that. (With huge pages it takes 1 to 13 % less than with 2 KiB of each.)
fn ahead(tensors: usize) -> usize {
    match *BY_AMD {
        true => 512,
        false => 10_240 / tensors,
    }
}

/// Whether the processor calls itself AMD's. Asked once: in a virtual machine it is the host that answers.
static BY_AMD: LazyLock<bool> = LazyLock::new(|| {
    #[cfg(target_arch = "x86_64")]
    {
        let name = std::arch::x86_64::__cpuid(0);
        [name.ebx, name.edx, name.ecx]
            .map(u32::to_le_bytes)
            .as_flattened()
            == b"AuthenticAMD"
    }
    #[cfg(not(target_arch = "x86_64"))]
    false
});

/// The loop. Blocks of a length that the compiler knows have no bounds to check in them, which lets it make vector code of them.
#[inline(always)]
fn sweep<F: Float, const N: usize, R: Elementwise<N>>(
    rule: R,
    parameter: &mut [F],
    gradient: &[F],
    state: &mut [&mut [F]; N],
) {
    let ahead = ahead(N + 2) / size_of::<F>();
    let (parameters, parameter_rest) = parameter.as_chunks_mut::<BLOCK>();
    let (gradients, gradient_rest) = gradient.as_chunks::<BLOCK>();
    let mut states = state.each_mut().map(|slice| slice.as_chunks_mut::<BLOCK>());
    for (block, (parameter, gradient)) in parameters.iter_mut().zip(gradients).enumerate() {
        prefetch(parameter, ahead);
        prefetch(gradient, ahead);
        let state = states.each_mut().map(|(blocks, _)| &mut blocks[block]);
        state.iter().for_each(|state| prefetch(state, ahead));
        elements(rule, parameter, gradient, state.map(|state| &mut state[..]));
    }
    let state_rest = states.map(|(_, rest)| rest);
    elements(rule, parameter_rest, gradient_rest, state_rest);
}

/// The rule on every element of slices of one length.
#[inline(always)]
fn elements<F: Float, const N: usize, R: Elementwise<N>>(
    rule: R,
    parameter: &mut [F],
    gradient: &[F],
    mut state: [&mut [F]; N],
) {
    let length = parameter.len();
    let gradient = &gradient[..length];
    let state = state.each_mut().map(|slice| &mut slice[..length]);
    for i in 0..length {
        let old = std::array::from_fn(|k| state[k][i]);
        let (new, new_state) = rule.scalar(parameter[i], gradient[i], old);
        parameter[i] = new;
        for k in 0..N - R::KEPT {
            state[k][i] = new_state[k];
        }
    }
}

/// Asks for the memory of what lies so many elements behind a block, whether or not there is any.
#[inline(always)]
fn prefetch<F>(block: &[F; BLOCK], ahead: usize) {
    #[cfg(target_arch = "x86_64")]
    for line in (0..BLOCK).step_by(64 / size_of::<F>()) {
        let address = block.as_ptr().wrapping_add(ahead + line);
        // SAFETY: a hint, which reads nothing: any address will do.
        unsafe {
            std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(address.cast())
        };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (block, ahead);
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use super::*;

    #[derive(Clone, Copy)]
    struct Rule;

    impl Elementwise<2> for Rule {
        #[inline(always)]
        fn scalar<F: Float>(&self, p: F, g: F, [m, v]: [F; 2]) -> (F, [F; 2]) {
            let [a, b, c] = F::all([0.9, 0.1, 1e-8]);
            let m = a * m + b * g;
            let v = a * v + b * (g * g);
            (p - (m / (v.sqrt() + c)).max(-F::ONE), [m, v])
        }
    }

    fn numbers<F: Float>(shift: f64) -> Vec<F> {
        (0..1003)
            .map(|i| F::of((f64::from(i) * 0.7 + shift).sin()))
            .collect()
    }

    fn without_instructions_as_with<F: Float>() {
        if !std::arch::is_x86_feature_detected!("avx2") {
            return;
        }
        let (mut p, g) = (numbers::<F>(0.0), numbers::<F>(1.0));
        let (mut m, mut v) = (numbers::<F>(2.0), numbers::<F>(3.0));
        let (mut p2, mut m2, mut v2) = (p.clone(), m.clone(), v.clone());
        sweep(Rule, &mut p, &g, &mut [&mut m, &mut v]);
        // SAFETY: checked above.
        unsafe { with_avx2(Rule, &mut p2, &g, &mut [&mut m2, &mut v2]) };
        // NaN, from roots of negative numbers, prints alike too.
        assert_eq!(
            format!("{p:?} {m:?} {v:?}"),
            format!("{p2:?} {m2:?} {v2:?}")
        );
    }

    #[test]
    fn the_same_bits_with_and_without_avx2() {
        without_instructions_as_with::<f32>();
        without_instructions_as_with::<f64>();
    }
}
