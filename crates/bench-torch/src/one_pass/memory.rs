//! From tensors to raw memory: every condition that the loop relies on is checked here.

use super::{Elementwise, Float, Job, OnePassError};
use crate::errors::LibtorchError;
use crate::shim::{self, Layout, List};
use std::ops::Range;
use tch::{Kind, Tensor};

/// Memory of one parameter with its gradient and state, element for element.
#[derive(Debug)]
pub(super) struct Span<F, const N: usize> {
    pub(super) parameter: *mut F,
    pub(super) gradient: *const F,
    pub(super) state: [*mut F; N],
    pub(super) length: usize,
}

// SAFETY: a span is a note of where memory is. Whoever uses the pointers has to show that nobody else does.
unsafe impl<F: Send + Sync, const N: usize> Sync for Span<F, N> {}

/// Checked spans of all jobs, and the copies that some of them point to.
pub(super) struct Memory<F, const N: usize> {
    pub(super) spans: Vec<Span<F, N>>,
    _copies: Vec<Tensor>,
}

impl<F: Float, const N: usize> Memory<F, N> {
    /// Looks at all tensors of all jobs. A gradient in other strides than its parameter's is copied into those.
    pub(super) fn of<R: Elementwise<N>>(
        jobs: &[Job<'_, R, N>],
    ) -> Result<Memory<F, N>, OnePassError> {
        let layouts = layouts(jobs)?;
        let mut spans = Vec::with_capacity(jobs.len());
        let mut copies = Vec::new();
        for (index, (job, group)) in jobs.iter().zip(layouts.chunks(N + 2)).enumerate() {
            check::<F>(index, group)?;
            let gradient = match group[1].same_strides {
                true => group[1].data,
                false => {
                    copies.push(dense_copy(job.gradient, job.parameter)?);
                    copies.last().map_or(std::ptr::null_mut(), Tensor::data_ptr)
                }
            };
            spans.push(Span {
                parameter: group[0].data.cast(),
                gradient: gradient.cast::<F>().cast_const(),
                state: std::array::from_fn(|k| group[2 + k].data.cast()),
                length: group[0].elements as usize,
            });
        }
        check_overlap(&spans)?;
        Ok(Memory {
            spans,
            _copies: copies,
        })
    }
}

/// What the messages call the tensors of a job, by their place in it.
pub(super) fn role(place: usize) -> String {
    match place {
        0 => "parameter".to_owned(),
        1 => "gradient".to_owned(),
        state => format!("state {}", state - 2),
    }
}

fn layouts<const N: usize, R: Elementwise<N>>(
    jobs: &[Job<'_, R, N>],
) -> Result<Vec<Layout>, OnePassError> {
    let tensors: List<'_> = jobs
        .iter()
        .flat_map(|job| [job.parameter, job.gradient].into_iter().chain(job.state))
        .collect();
    let mut layouts = vec![Layout::EMPTY; tensors.len()];
    // SAFETY: the list borrows live tensors, and there is a layout for each.
    unsafe {
        shim::check(shim::bench_layouts(
            tensors.as_ptr(),
            tensors.len(),
            N + 2,
            layouts.as_mut_ptr(),
        ))?
    };
    Ok(layouts)
}

fn dense_copy(gradient: &Tensor, parameter: &Tensor) -> Result<Tensor, LibtorchError> {
    let _no_graph = tch::no_grad_guard();
    let mut copy = parameter.f_empty_like()?;
    copy.f_copy_(gradient)?;
    Ok(copy)
}

/// libtorch's number for a kind, of those that a [`Float`] has.
fn code(kind: Kind) -> i32 {
    match kind {
        Kind::Double => 7,
        _ => 6,
    }
}

/// Checks a parameter, its gradient and its state.
fn check<F: Float>(index: usize, group: &[Layout]) -> Result<(), OnePassError> {
    for (place, layout) in group.iter().enumerate() {
        let problem = if !layout.on_cpu {
            "is not plain memory of the CPU"
        } else if layout.kind != code(F::KIND) {
            "is of another kind than the first parameter, or neither f32 nor f64"
        } else if !layout.same_sizes {
            "has another shape than the parameter"
        } else if place != 1 && !layout.dense {
            "has gaps or repeats in its memory (a view or an expanded tensor)"
        } else if place != 1 && !layout.same_strides {
            "has other strides than the parameter"
        } else {
            continue;
        };
        return Err(OnePassError::Tensor {
            index,
            what: role(place),
            problem: problem.to_owned(),
        });
    }
    Ok(())
}

/// No written memory may be shared: not with other written memory, nor with a gradient.
fn check_overlap<F, const N: usize>(spans: &[Span<F, N>]) -> Result<(), OnePassError> {
    let bytes = |pointer: *const F, length: usize| {
        let start = pointer.addr();
        start..start + length * size_of::<F>()
    };
    let mut ranges: Vec<(Range<usize>, bool)> = Vec::with_capacity(spans.len() * (N + 2));
    for span in spans.iter().filter(|span| span.length > 0) {
        ranges.push((bytes(span.parameter, span.length), true));
        ranges.push((bytes(span.gradient, span.length), false));
        ranges.extend(span.state.map(|state| (bytes(state, span.length), true)));
    }
    ranges.sort_unstable_by_key(|(range, _)| range.start);
    // Gradients may share memory among themselves, so the furthest end of each sort is kept.
    let (mut written_end, mut read_end) = (0, 0);
    for (range, written) in ranges {
        if range.start < written_end || (written && range.start < read_end) {
            return Err(OnePassError::Overlap);
        }
        let end = if written {
            &mut written_end
        } else {
            &mut read_end
        };
        *end = range.end.max(*end);
    }
    Ok(())
}
