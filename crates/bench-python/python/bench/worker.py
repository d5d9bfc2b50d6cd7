"""python -m bench.worker DESCRIPTION [check … | time …]: the program of a Python entrant.

The description is JSON: `native`, the library's file; `folder`, `file` and `told`, or `package`; `class`; `parameter-names`.
"""

import importlib.machinery
import importlib.util
import json
import sys

import torch
import torch._dynamo  # What the first optimizer's constructor imports otherwise, for seconds of an author's `init`.


def native(path):
    """The native half, after torch: its libtorch is then the one that torch has loaded."""
    loader = importlib.machinery.ExtensionFileLoader("bench._native", path)
    spec = importlib.util.spec_from_loader("bench._native", loader, origin=path)
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    sys.modules["bench._native"] = module
    return module


def factory(program):
    """What makes the algorithm. An error of the author's is told with the trial, at its start."""
    from . import load

    made = []

    def make():
        if not made:
            cls = load.chosen(program)
            made.append(load.factory(cls, program.get("parameter-names") or {}))
        return made[0]()

    return make


def main():
    # Standard output is the referee's, or holds a report: what an author prints goes beside it.
    sys.stdout = sys.stderr
    program = json.loads(sys.argv[1])
    library = native(program["native"])
    from . import training

    training.dress(library.Training)
    command = [sys.executable, "-m", "bench.worker", sys.argv[1]]
    return library.run(factory(program), sys.argv[2:], command)


if __name__ == "__main__":
    sys.exit(main())
