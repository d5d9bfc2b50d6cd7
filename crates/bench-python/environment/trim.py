"""Makes an environment's torch one for the processor alone: python trim.py stubs.txt COMPILER

PyTorch's wheel is made for cards: libtorch_python.so names libraries of CUDA that weigh four gigabytes. Those of the wheel that do nothing without a card
are removed, and small libraries with the names and symbols that the dynamic linker asks for stand in their place. A function among them is never called
on a machine without a card; if one is, the process ends there.
"""

import os
import pathlib
import subprocess
import sys
import sysconfig
import tempfile

REMOVED = ["libtorch_cuda.so", "libtorch_cuda_linalg.so", "libtorch_nvshmem.so", "libcaffe2_nvrtc.so"]
# Called when torch is imported: it answers with a reference to a null pointer, which is "no checker".
ASKED = "_ZN4c10d15get_gil_checkerEv"
VERSIONED = {"libcudnn.so.9": "libcudnn.so.9"}


def source(symbols):
    lines = ["typedef void *Pointer;", "static Pointer nothing;"]
    for kind, name in symbols:
        if name == ASKED:
            lines.append(f"Pointer *{name}(void) {{ return &nothing; }}")
        elif kind == "function":
            lines.append(f"void {name}(void) {{ __builtin_trap(); }}")
        elif name.startswith("_ZTI"):
            # A type's information: who compares types at load reads its name.
            lines.append(f'__attribute__((weak)) Pointer {name}[4] = {{0, "{name[4:]}", 0, 0}};')
        else:
            lines.append(f"__attribute__((weak)) Pointer {name}[64];")
    return "\n".join(lines) + "\n"


def main(stubs, compiler):
    site = pathlib.Path(sysconfig.get_path("purelib"))
    libraries = {}
    for line in pathlib.Path(stubs).read_text().splitlines():
        if not line.startswith("#"):
            library, kind, name = line.split()
            libraries.setdefault(library, []).append((kind, name))
    for name in REMOVED:
        (site / "torch/lib" / name).unlink(missing_ok=True)
    # Where the run path of libtorch_python.so looks first.
    place = site / "nvidia/cudnn/lib"
    place.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for library, symbols in libraries.items():
            code = folder / "stub.c"
            code.write_text(source(symbols))
            command = [compiler, "-x", "c", "-shared", "-fPIC", "-O1", "-w", "-o", place / library, code, f"-Wl,-soname,{library}"]
            if library in VERSIONED:
                script = folder / "versions"
                script.write_text(f"{VERSIONED[library]} {{ global: *; }};\n")
                command.append(f"-Wl,--version-script={script}")
            subprocess.run(command, check=True)
    # What every trial imports is compiled once, here, whatever the user's shell says of that: trials write nothing into the environment.
    writing = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    subprocess.run([sys.executable, "-c", "import torch, torch._dynamo"], env=writing, check=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
