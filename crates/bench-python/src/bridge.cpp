// Tensors between Rust's binding and torch's Python objects, in one process with one libtorch. Nothing of Python's or of libtorch_python's headers is needed:
// the one function is looked up in the library that `import torch` has loaded, and a Python tensor's at::Tensor lies right behind PyObject_HEAD.
#include <ATen/core/Tensor.h>
#include <dlfcn.h>

namespace {
using Wrap = void *(*)(const at::TensorBase &);
Wrap wrap = nullptr;
constexpr size_t kHead = 16;
} // namespace

extern "C" {

// Whether torch is loaded and has the function.
bool bench_bridge_open() {
  void *library = dlopen("libtorch_python.so", RTLD_NOW | RTLD_NOLOAD);
  if (library == nullptr) {
    return false;
  }
  wrap = reinterpret_cast<Wrap>(dlsym(library, "_Z16THPVariable_WrapRKN2at10TensorBaseE"));
  return wrap != nullptr;
}

// A new reference to the tensor's Python object; null with Python's error set, or after an error of C++.
void *bench_bridge_wrap(const at::Tensor *tensor) {
  try {
    return wrap(*tensor);
  } catch (...) {
    return nullptr;
  }
}

// A new handle to what a torch.Tensor holds.
at::Tensor *bench_bridge_unwrap(void *object) {
  return new at::Tensor(*reinterpret_cast<at::Tensor *>(static_cast<char *>(object) + kHead));
}

// Makes `gradient` what `.grad` of a parameter shows; null takes it away.
bool bench_bridge_set_gradient(const at::Tensor *parameter, const at::Tensor *gradient) {
  try {
    parameter->mutable_grad() = gradient == nullptr ? at::Tensor() : *gradient;
    return true;
  } catch (...) {
    return false;
  }
}
}
