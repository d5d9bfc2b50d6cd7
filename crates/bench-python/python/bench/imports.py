"""python -m bench.imports FILE: the file, and those of its folder that it imports, as JSON. Nothing of it runs, and torch is not needed."""

import ast
import json
import os
import sys


def named(tree, inside):
    """Dotted names of modules that a file may import; `inside` is the package that it lies in."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = ".".join(part for part in (inside if node.level else "", node.module) if part)
            yield from (module, *(f"{module}.{alias.name}" if module else alias.name for alias in node.names))


def below(parts, name):
    """What follows a folder's name in a dotted path: AlgoPerf's submissions import their own files by the path in their repository."""
    return parts[parts.index(name) + 1 :] if name in parts else []


def imported(folder, file):
    """Files of the folder that a file imports, and those that they import: what is written, not what may be computed."""
    found, waiting = [], [file]
    while waiting:
        file = waiting.pop()
        if file in found:
            continue
        found.append(file)
        with open(os.path.join(folder, file), encoding="utf-8") as text:
            tree = ast.parse(text.read(), file)
        for name in filter(None, named(tree, os.path.dirname(file).replace(os.sep, "."))):
            for parts in (name.split("."), below(name.split("."), os.path.basename(folder))):
                for depth in range(1, len(parts) + 1):
                    base = os.path.join(*parts[:depth])
                    for candidate in (base + ".py", os.path.join(base, "__init__.py")):
                        if os.path.isfile(os.path.join(folder, candidate)):
                            waiting.append(candidate)
    return sorted(found)


def main():
    folder, file = os.path.split(os.path.abspath(sys.argv[1]))
    try:
        print(json.dumps(imported(folder, file)))
    except (OSError, SyntaxError, UnicodeDecodeError) as exception:
        return f"{type(exception).__name__}: {exception}"
    return 0


if __name__ == "__main__":
    sys.exit(main())
