// The part of libtorch that tch does not reach. Every function catches all exceptions and returns null, or its text for
// the caller to free: an exception that left `extern "C"` would end the process.
// Headers are single operators' on purpose: torch/torch.h would triple the compile time.

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Context.h>
#include <ATen/DeviceAccelerator.h>
#include <ATen/autocast_mode.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/_foreach_add.h>
#include <ATen/ops/_foreach_addcdiv.h>
#include <ATen/ops/_foreach_addcmul.h>
#include <ATen/ops/_foreach_copy.h>
#include <ATen/ops/_foreach_div.h>
#include <ATen/ops/_foreach_lerp.h>
#include <ATen/ops/_foreach_mul.h>
#include <ATen/ops/_foreach_norm.h>
#include <ATen/ops/_foreach_sign.h>
#include <ATen/ops/_foreach_sqrt.h>
#include <ATen/ops/_foreach_zero.h>
#include <ATen/ops/_fused_adamw.h>
#include <ATen/ops/_fused_sgd.h>
#include <ATen/ops/empty_strided.h>
#include <ATen/ops/randperm.h>
#include <c10/core/CPUAllocator.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/headeronly/version.h>

#include <dlfcn.h>
#include <malloc.h>

#include <atomic>
#include <cstring>
#include <exception>
#include <vector>

namespace {

using TensorList = const at::Tensor *const *;

template <typename Body> char *guarded(Body body) noexcept {
  try {
    body();
    return nullptr;
  } catch (const c10::Error &error) {
    return strdup(error.what_without_backtrace());
  } catch (const std::exception &error) {
    return strdup(error.what());
  } catch (...) {
    return strdup("unknown C++ exception");
  }
}

std::vector<at::Tensor> list(TensorList tensors, size_t count) {
  std::vector<at::Tensor> result;
  result.reserve(count);
  for (size_t i = 0; i < count; i++)
    result.push_back(*tensors[i]);
  return result;
}

// A gradient that owns its memory, in its input's layout: autograd may return expanded, transposed or shared memory,
// which in-place and raw kernels would read wrongly or change twice.
at::Tensor owned(at::Tensor gradient, const at::Tensor &input) {
  if (gradient.layout() != c10::kStrided)
    return gradient;
  bool alone = gradient.use_count() == 1 && gradient.storage().use_count() == 1;
  if (alone && gradient.strides() == input.strides())
    return gradient;
  c10::AutoGradMode no_graph(false);
  auto copy = at::empty_strided(input.sizes(), input.strides(), gradient.options());
  copy.copy_(gradient);
  return copy;
}

// Bytes of tensors in the process' memory, now and at most.
std::atomic<int64_t> held{0}, most{0};

// libtorch's own allocator, counting.
struct Counting final : c10::Allocator {
  static void release(void *data) {
    held -= malloc_usable_size(data);
    c10::GetDefaultCPUAllocator()->raw_deleter()(data);
  }

  c10::DataPtr allocate(size_t bytes) override {
    void *data = c10::GetDefaultCPUAllocator()->allocate(bytes).release_context();
    int64_t added = malloc_usable_size(data), now = held.fetch_add(added) + added, before = most;
    while (now > before && !most.compare_exchange_weak(before, now)) {
    }
    return {data, data, &release, at::Device(at::DeviceType::CPU)};
  }

  c10::DeleterFnPtr raw_deleter() const override { return &release; }

  void copy_data(void *to, const void *from, size_t count) const override { default_copy_data(to, from, count); }
};

} // namespace

extern "C" {

// Counts what is allocated from now on.
char *bench_count_tensors() {
  return guarded([] { c10::SetCPUAllocator(new Counting); });
}

// Bytes counted now and at most; the latter begins anew.
void bench_counted_tensors(int64_t *numbers) {
  numbers[0] = held;
  numbers[1] = most.exchange(held);
}

// What one tensor looks like to a kernel that works on raw memory.
struct BenchLayout {
  void *data;
  int64_t elements;
  int32_t kind;      // libtorch's scalar type.
  bool on_cpu;       // Strided memory of this process.
  bool dense;        // Covers `elements` places, each once.
  bool same_sizes;   // As the reference's.
  bool same_strides; // As the reference's, where it matters.
};

const char *bench_version() { return TORCH_VERSION; }

// File that libtorch's CPU half was loaded from, or null.
const char *bench_library_path() {
  Dl_info info;
  return dladdr(reinterpret_cast<void *>(&at::globalContext), &info) ? info.dli_fname : nullptr;
}

// Gradients of outputs, weighted by `vectors` (null: scalars, weight one), with respect to inputs; null where unused.
char *bench_gradients(TensorList outputs, TensorList vectors, size_t output_count, TensorList inputs,
                      size_t input_count, bool retain_graph, bool create_graph, at::Tensor **results) {
  return guarded([&] {
    auto points = list(inputs, input_count);
    auto weights = vectors ? list(vectors, output_count) : std::vector<at::Tensor>();
    auto gradients = torch::autograd::grad(list(outputs, output_count), points, weights, retain_graph, create_graph,
                                           /*allow_unused=*/true);
    for (size_t i = 0; i < input_count; i++) {
      if (!gradients[i].defined()) {
        results[i] = nullptr;
        continue;
      }
      auto gradient = std::move(gradients[i]);
      results[i] = new at::Tensor(create_graph ? std::move(gradient) : owned(std::move(gradient), points[i]));
    }
  });
}

// Layouts of `count` tensors, in groups of `group`; each group's first tensor is the reference of its others.
char *bench_layouts(TensorList tensors, size_t count, size_t group, BenchLayout *layouts) {
  return guarded([&] {
    for (size_t i = 0; i < count; i++) {
      const auto &tensor = *tensors[i];
      const auto &reference = *tensors[i - i % group];
      TORCH_CHECK(tensor.defined(), "undefined tensor");
      bool strided = tensor.layout() == c10::kStrided && !tensor.is_neg() && !tensor.is_conj();
      bool comparable = strided && reference.layout() == c10::kStrided;
      auto &layout = layouts[i];
      layout.on_cpu = strided && tensor.device().is_cpu();
      layout.data = layout.on_cpu ? tensor.data_ptr() : nullptr;
      layout.elements = tensor.numel();
      layout.kind = static_cast<int32_t>(tensor.scalar_type());
      layout.dense = strided && tensor.is_non_overlapping_and_dense();
      layout.same_sizes = tensor.sizes() == reference.sizes();
      layout.same_strides = comparable && layout.same_sizes;
      for (int64_t d = 0; layout.same_strides && d < tensor.dim(); d++)
        layout.same_strides = tensor.size(d) <= 1 || tensor.stride(d) == reference.stride(d);
    }
  });
}

// Tells autograd that raw memory was written, so that a backward through the old value is an error and not a wrong number.
char *bench_bump_versions(TensorList tensors, size_t count) {
  return guarded([&] {
    for (size_t i = 0; i < count; i++)
      if (!tensors[i]->is_inference())
        tensors[i]->unsafeGetTensorImpl()->bump_version();
  });
}

// --- Random numbers -------------------------------------------------------------------------------------------------

static void seed(at::CPUGeneratorImpl &generator, const uint32_t *words) {
  at::mt19937_data_pod state{};
  state.seed_ = words[0] | (uint64_t(words[1]) << 32);
  state.left_ = 1;
  state.seeded_ = true;
  state.next_ = 0;
  std::memcpy(state.state_.data(), words, sizeof(uint32_t) * at::MERSENNE_STATE_N);
  at::mt19937 engine;
  engine.set_data(state);
  generator.set_engine(engine);
  generator.set_next_float_normal_sample(std::nullopt);
  generator.set_next_double_normal_sample(std::nullopt);
}

// `words` is the generator's whole state, 624 of them.
char *bench_generator_new(const uint32_t *words, at::Generator **result) {
  return guarded([&] {
    auto generator = at::detail::createCPUGenerator();
    seed(*at::check_generator<at::CPUGeneratorImpl>(generator), words);
    *result = new at::Generator(std::move(generator));
  });
}

void bench_generator_free(at::Generator *generator) { delete generator; }

char *bench_default_generator_seed(const uint32_t *words, bool cuda) {
  return guarded([&] {
    auto generator = at::detail::getDefaultCPUGenerator();
    {
      std::lock_guard<std::mutex> lock(generator.mutex());
      seed(*at::check_generator<at::CPUGeneratorImpl>(generator), words);
    }
    if (!cuda)
      return;
    for (int i = 0; i < at::accelerator::deviceCount(); i++) {
      auto device = at::globalContext().defaultGenerator(at::Device(at::kCUDA, static_cast<c10::DeviceIndex>(i)));
      std::lock_guard<std::mutex> lock(device.mutex());
      device.set_current_seed(words[0] | (uint64_t(words[1]) << 32));
    }
  });
}

char *bench_uniform(const at::Tensor *tensor, double low, double high, at::Generator *generator) {
  return guarded([&] { tensor->uniform_(low, high, *generator); });
}

char *bench_normal(const at::Tensor *tensor, double mean, double deviation, at::Generator *generator) {
  return guarded([&] { tensor->normal_(mean, deviation, *generator); });
}

char *bench_bernoulli(const at::Tensor *tensor, double probability, at::Generator *generator) {
  return guarded([&] { tensor->bernoulli_(probability, *generator); });
}

char *bench_integers(const at::Tensor *tensor, int64_t low, int64_t high, at::Generator *generator) {
  return guarded([&] { tensor->random_(low, high, *generator); });
}

char *bench_permutation(int64_t count, at::Generator *generator, at::Tensor **result) {
  return guarded([&] { *result = new at::Tensor(at::randperm(count, *generator, at::TensorOptions(at::kLong))); });
}

// --- The process ----------------------------------------------------------------------------------------------------

char *bench_set_deterministic(bool warn_only) {
  return guarded([&] {
    at::globalContext().setDeterministicAlgorithms(true, warn_only);
    // On by default in that mode, and a fill of every fresh tensor.
    at::globalContext().setDeterministicFillUninitializedMemory(false);
    at::globalContext().setBenchmarkCuDNN(false);
  });
}

char *bench_set_flush_denormal(bool on) {
  return guarded([&] { at::globalContext().setFlushDenormal(on); });
}

char *bench_set_flash_attention(bool on) {
  return guarded([&] { at::globalContext().setSDPUseFlash(on); });
}

// Of this thread. Casts of leaves are kept while it is on, so a weight that is used twice is cast once.
char *bench_autocast(bool on, bool cuda) {
  return guarded([&] {
    const auto device = cuda ? at::kCUDA : at::kCPU;
    if (on) {
      at::autocast::set_autocast_dtype(device, at::kBFloat16);
      at::autocast::set_autocast_enabled(device, true);
      at::autocast::increment_nesting();
    } else {
      if (at::autocast::decrement_nesting() == 0)
        at::autocast::clear_cache();
      at::autocast::set_autocast_enabled(device, false);
    }
  });
}

// --- Accelerators ---------------------------------------------------------------------------------------------------

char *bench_accelerator_count(int32_t *count) {
  return guarded([&] { *count = at::accelerator::deviceCount(); });
}

char *bench_accelerator_synchronize(int32_t index) {
  return guarded([&] { at::accelerator::synchronizeDevice(static_cast<c10::DeviceIndex>(index)); });
}

// `bytes`: allocated now, its peak, reserved from the driver now, its peak.
char *bench_accelerator_memory(int32_t index, int64_t *bytes) {
  return guarded([&] {
    auto stats = at::accelerator::getDeviceStats(static_cast<c10::DeviceIndex>(index));
    bytes[0] = stats.allocated_bytes[0].current;
    bytes[1] = stats.allocated_bytes[0].peak;
    bytes[2] = stats.reserved_bytes[0].current;
    bytes[3] = stats.reserved_bytes[0].peak;
  });
}

char *bench_accelerator_reset_peak(int32_t index) {
  return guarded([&] { at::accelerator::resetPeakStats(static_cast<c10::DeviceIndex>(index)); });
}

// --- Lists of tensors -----------------------------------------------------------------------------------------------

char *bench_foreach_zero(TensorList a, size_t n) {
  return guarded([&] { at::_foreach_zero_(list(a, n)); });
}

char *bench_foreach_sign(TensorList a, size_t n) {
  return guarded([&] { at::_foreach_sign_(list(a, n)); });
}

char *bench_foreach_sqrt(TensorList a, size_t n) {
  return guarded([&] { at::_foreach_sqrt_(list(a, n)); });
}

char *bench_foreach_scale(TensorList a, size_t n, double factor) {
  return guarded([&] { at::_foreach_mul_(list(a, n), at::Scalar(factor)); });
}

char *bench_foreach_shift(TensorList a, size_t n, double term) {
  return guarded([&] { at::_foreach_add_(list(a, n), at::Scalar(term)); });
}

char *bench_foreach_scale_by(TensorList a, size_t n, const at::Tensor *factor) {
  return guarded([&] { at::_foreach_mul_(list(a, n), *factor); });
}

char *bench_foreach_copy(TensorList a, TensorList b, size_t n) {
  return guarded([&] { at::_foreach_copy_(list(a, n), list(b, n)); });
}

char *bench_foreach_add(TensorList a, TensorList b, size_t n, double factor) {
  return guarded([&] { at::_foreach_add_(list(a, n), list(b, n), at::Scalar(factor)); });
}

char *bench_foreach_mul(TensorList a, TensorList b, size_t n) {
  return guarded([&] { at::_foreach_mul_(list(a, n), list(b, n)); });
}

char *bench_foreach_div(TensorList a, TensorList b, size_t n) {
  return guarded([&] { at::_foreach_div_(list(a, n), list(b, n)); });
}

char *bench_foreach_lerp(TensorList a, TensorList b, size_t n, double weight) {
  return guarded([&] { at::_foreach_lerp_(list(a, n), list(b, n), at::Scalar(weight)); });
}

char *bench_foreach_addcmul(TensorList a, TensorList b, TensorList c, size_t n, double factor) {
  return guarded([&] { at::_foreach_addcmul_(list(a, n), list(b, n), list(c, n), at::Scalar(factor)); });
}

char *bench_foreach_addcdiv(TensorList a, TensorList b, TensorList c, size_t n, double factor) {
  return guarded([&] { at::_foreach_addcdiv_(list(a, n), list(b, n), list(c, n), at::Scalar(factor)); });
}

char *bench_foreach_norm(TensorList a, size_t n, double order, at::Tensor **results) {
  return guarded([&] {
    auto norms = at::_foreach_norm(list(a, n), at::Scalar(order));
    for (size_t i = 0; i < n; i++)
      results[i] = new at::Tensor(std::move(norms[i]));
  });
}

char *bench_fused_adamw(TensorList parameters, TensorList gradients, TensorList first, TensorList second, size_t n,
                        const at::Tensor *step, double learning_rate, double beta1, double beta2, double weight_decay,
                        double epsilon) {
  return guarded([&] {
    std::vector<at::Tensor> steps(n, *step);
    at::_fused_adamw_(list(parameters, n), list(gradients, n), list(first, n), list(second, n), {}, steps,
                      learning_rate, beta1, beta2, weight_decay, epsilon, /*amsgrad=*/false, /*maximize=*/false);
  });
}

char *bench_fused_sgd(TensorList parameters, TensorList gradients, TensorList buffers, size_t n, double learning_rate,
                      double momentum, double weight_decay, double dampening, bool nesterov, bool first_step) {
  return guarded([&] {
    at::_fused_sgd_(list(parameters, n), list(gradients, n), list(buffers, n), weight_decay, momentum, learning_rate,
                    dampening, nesterov, /*maximize=*/false, first_step);
  });
}
}
