"""python -m bench.imports FILE: the file, and those of its folder that it imports, as JSON. Nothing of it runs, and torch is not needed."""

import ast
import json
import os
import sys


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
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                inside = os.path.dirname(file).replace(os.sep, ".") if node.level else ""
                module = ".".join(part for part in (inside, node.module) if part)
                names = [module, *(f"{module}.{alias.name}" if module else alias.name for alias in node.names)]
            else:
                continue
            for name in filter(None, names):
                parts = name.split(".")
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
