//! `shim.cpp`'s functions and the two conversions they need. The safe functions are in the other modules.

use crate::errors::LibtorchError;
use std::borrow::Borrow;
use std::ffi::{CStr, c_char, c_void};
use std::marker::PhantomData;
use tch::Tensor;
use torch_sys::C_tensor;

/// An `at::Tensor*` that may be null.
pub(crate) type Raw = *mut C_tensor;
/// An `at::Tensor* const*`.
pub(crate) type RawList = *const *const C_tensor;
/// Null, or libtorch's text on the C heap.
pub(crate) type Status = *mut c_char;

/// An `at::Generator`.
#[repr(C)]
pub(crate) struct CGenerator {
    _private: [u8; 0],
}

/// `BenchLayout` of `shim.cpp`.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub(crate) struct Layout {
    pub(crate) data: *mut c_void,
    pub(crate) elements: i64,
    pub(crate) kind: i32,
    pub(crate) on_cpu: bool,
    pub(crate) dense: bool,
    pub(crate) same_sizes: bool,
    pub(crate) same_strides: bool,
}

impl Layout {
    /// To be filled in by `bench_layouts`.
    pub(crate) const EMPTY: Layout = Layout {
        data: std::ptr::null_mut(),
        elements: 0,
        kind: -1,
        on_cpu: false,
        dense: false,
        same_sizes: false,
        same_strides: false,
    };
}

unsafe extern "C" {
    pub(crate) fn bench_version() -> *const c_char;
    pub(crate) fn bench_library_path() -> *const c_char;
    pub(crate) fn bench_gradients(
        outputs: RawList,
        vectors: RawList,
        output_count: usize,
        inputs: RawList,
        input_count: usize,
        retain_graph: bool,
        create_graph: bool,
        results: *mut Raw,
    ) -> Status;
    pub(crate) fn bench_layouts(
        tensors: RawList,
        count: usize,
        group: usize,
        layouts: *mut Layout,
    ) -> Status;
    pub(crate) fn bench_bump_versions(tensors: RawList, count: usize) -> Status;

    pub(crate) fn bench_generator_new(words: *const u32, result: *mut *mut CGenerator) -> Status;
    pub(crate) fn bench_generator_free(generator: *mut CGenerator);
    pub(crate) fn bench_default_generator_seed(words: *const u32, cuda: bool) -> Status;
    pub(crate) fn bench_uniform(
        tensor: *const C_tensor,
        low: f64,
        high: f64,
        generator: *mut CGenerator,
    ) -> Status;
    pub(crate) fn bench_normal(
        tensor: *const C_tensor,
        mean: f64,
        deviation: f64,
        generator: *mut CGenerator,
    ) -> Status;
    pub(crate) fn bench_bernoulli(
        tensor: *const C_tensor,
        probability: f64,
        generator: *mut CGenerator,
    ) -> Status;
    pub(crate) fn bench_integers(
        tensor: *const C_tensor,
        low: i64,
        high: i64,
        generator: *mut CGenerator,
    ) -> Status;
    pub(crate) fn bench_permutation(
        count: i64,
        generator: *mut CGenerator,
        result: *mut Raw,
    ) -> Status;

    pub(crate) fn bench_set_deterministic(warn_only: bool) -> Status;
    pub(crate) fn bench_set_flush_denormal(on: bool) -> Status;
    pub(crate) fn bench_set_flash_attention(on: bool) -> Status;
    pub(crate) fn bench_autocast(on: bool, cuda: bool) -> Status;

    pub(crate) fn bench_accelerator_count(count: *mut i32) -> Status;
    pub(crate) fn bench_accelerator_synchronize(index: i32) -> Status;
    pub(crate) fn bench_accelerator_memory(index: i32, bytes: *mut i64) -> Status;
    pub(crate) fn bench_accelerator_reset_peak(index: i32) -> Status;

    pub(crate) fn bench_foreach_zero(a: RawList, n: usize) -> Status;
    pub(crate) fn bench_foreach_sign(a: RawList, n: usize) -> Status;
    pub(crate) fn bench_foreach_sqrt(a: RawList, n: usize) -> Status;
    pub(crate) fn bench_foreach_scale(a: RawList, n: usize, factor: f64) -> Status;
    pub(crate) fn bench_foreach_shift(a: RawList, n: usize, term: f64) -> Status;
    pub(crate) fn bench_foreach_scale_by(a: RawList, n: usize, factor: *const C_tensor) -> Status;
    pub(crate) fn bench_foreach_copy(a: RawList, b: RawList, n: usize) -> Status;
    pub(crate) fn bench_foreach_add(a: RawList, b: RawList, n: usize, factor: f64) -> Status;
    pub(crate) fn bench_foreach_mul(a: RawList, b: RawList, n: usize) -> Status;
    pub(crate) fn bench_foreach_div(a: RawList, b: RawList, n: usize) -> Status;
    pub(crate) fn bench_count_tensors() -> Status;
    pub(crate) fn bench_counted_tensors(numbers: *mut i64);
    pub(crate) fn bench_foreach_lerp(a: RawList, b: RawList, n: usize, weight: f64) -> Status;
    pub(crate) fn bench_foreach_addcmul(
        a: RawList,
        b: RawList,
        c: RawList,
        n: usize,
        factor: f64,
    ) -> Status;
    pub(crate) fn bench_foreach_addcdiv(
        a: RawList,
        b: RawList,
        c: RawList,
        n: usize,
        factor: f64,
    ) -> Status;
    pub(crate) fn bench_foreach_norm(a: RawList, n: usize, order: f64, results: *mut Raw)
    -> Status;
    pub(crate) fn bench_fused_adamw(
        parameters: RawList,
        gradients: RawList,
        first: RawList,
        second: RawList,
        n: usize,
        step: *const C_tensor,
        learning_rate: f64,
        beta1: f64,
        beta2: f64,
        weight_decay: f64,
        epsilon: f64,
    ) -> Status;
    pub(crate) fn bench_fused_sgd(
        parameters: RawList,
        gradients: RawList,
        buffers: RawList,
        n: usize,
        learning_rate: f64,
        momentum: f64,
        weight_decay: f64,
        dampening: f64,
        nesterov: bool,
        first_step: bool,
    ) -> Status;
}

/// Turns a status into a result and frees its text.
///
/// # Safety
/// `status` is what a function of the shim returned, and is used once.
pub(crate) unsafe fn check(status: Status) -> Result<(), LibtorchError> {
    if status.is_null() {
        return Ok(());
    }
    // SAFETY: a non-null status is a NUL-terminated string made by `strdup`, and it is ours.
    let text = unsafe { CStr::from_ptr(status) }
        .to_string_lossy()
        .into_owned();
    // SAFETY: as above; the text was copied.
    unsafe { libc::free(status.cast()) };
    Err(LibtorchError::new(&text))
}

/// Pointers to tensors, which stay borrowed as long as the list lives.
pub(crate) struct List<'a> {
    pointers: Vec<*const C_tensor>,
    tensors: PhantomData<&'a Tensor>,
}

impl<'a> List<'a> {
    pub(crate) fn new<T: Borrow<Tensor>>(tensors: &'a [T]) -> List<'a> {
        tensors.iter().map(|tensor| tensor.borrow()).collect()
    }

    pub(crate) fn as_ptr(&self) -> RawList {
        self.pointers.as_ptr()
    }

    pub(crate) fn len(&self) -> usize {
        self.pointers.len()
    }
}

impl<'a> FromIterator<&'a Tensor> for List<'a> {
    fn from_iter<I: IntoIterator<Item = &'a Tensor>>(tensors: I) -> List<'a> {
        List {
            pointers: tensors.into_iter().map(Tensor::as_ptr).collect(),
            tensors: PhantomData,
        }
    }
}
