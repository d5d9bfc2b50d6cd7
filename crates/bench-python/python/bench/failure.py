"""What an exception says, and which line of the author's it came from."""

import os
import sys
import traceback

import torch

OWN = os.path.dirname(os.path.abspath(__file__))
# Folders of the author's, each with the name by which the author knows it.
PLACES = []


def told(exception):
    """Type and message in one line, and `file:line` of the innermost line of the author's, else of a package's."""
    message = "".join(traceback.format_exception_only(type(exception), exception)).strip().removeprefix("bench.")
    if "CUDA" in message and not torch.cuda.is_available():
        message = f"{message.splitlines()[0][:120]}: this trial runs on the processor; take the device from the parameters"
    if isinstance(exception, SyntaxError) and exception.filename:
        return f"{type(exception).__name__}: {exception.msg}", shown(exception.filename, exception.lineno)
    frames = [(frame.f_code.co_filename, line) for frame, line in traceback.walk_tb(exception.__traceback__)]
    print("".join(traceback.format_exception(exception)), file=sys.stderr)
    own = [place for place in (author(file, line) for file, line in frames) if place]
    others = [f"{file}:{line}" for file, line in frames if not file.startswith((OWN, "<"))]
    place = own[-1] if own else others[-1] if others else None
    return message, place


def author(file, line):
    """The place as the author knows it, where it is the author's."""
    for folder, name in PLACES:
        if file.startswith(folder + os.sep):
            return f"{os.path.join(name, os.path.relpath(file, folder))}:{line}"
    return None


def shown(file, line):
    return author(file, line) or f"{file}:{line}"
