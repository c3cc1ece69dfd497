"""The modules of js/ as one script, without a build step: each becomes a function that returns what it exports.

The modules keep to a part of the language that this can join by reading lines: imports name what they take and stand at
the beginning (`import { a, b } from "./other.js";`); exports stand before a function, class or const; no module imports
itself, not even in a circle; no text goes over several lines, as comments and indentation are left out. Served one by
one, the same files are ordinary modules.
"""

from __future__ import annotations

import re
from graphlib import TopologicalSorter
from importlib.resources import files

IMPORT = re.compile(r'^import \{([^}]*)\} from "\./(\w+)\.js";\n', re.MULTILINE)
EXPORT = re.compile(r"^export (?=(?:async )?(?:function|class|const) ([\w$]+))", re.MULTILINE)
COMMENT = re.compile(r"^[ \t]*(?://[^\n]*|/\*(?:(?!\*/).)*\*/)\n", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"/\*\* @(?:type|param) [^\n]*?\*/ ?")
TEXT = re.compile(r'("(?:[^"\\\n]|\\.)*")')
SPACE = re.compile(r" *([=<>?:,;{}()&|*]) *")
INDENT = re.compile(r"^ +", re.MULTILINE)
LEFT = re.compile(r"^(?:import|export)\b.*$", re.MULTILINE)

SCRIPTS = files("naysayer.page") / "js"
STYLES = files("naysayer.page") / "css"


def script(main: str) -> str:
    """The module `main` and all that it imports, in order of need."""
    sources: dict[str, str] = {}
    needs: dict[str, set[str]] = {}
    waiting = [main]
    while waiting:
        name = waiting.pop()
        if name in sources:
            continue
        sources[name] = (SCRIPTS / f"{name}.js").read_text(encoding="utf-8")
        needs[name] = {found[2] for found in IMPORT.finditer(sources[name])}
        waiting += sorted(needs[name])
    order = TopologicalSorter({name: sorted(needs[name]) for name in sorted(needs)}).static_order()
    return "".join(_wrapped(name, sources[name]) for name in order)


def _wrapped(name: str, source: str) -> str:
    imports = [f"const {{{found[1]}}} = ${found[2]};" for found in IMPORT.finditer(source)]
    exports = EXPORT.findall(source)
    bare = INDENT.sub("", INLINE.sub("", COMMENT.sub("", EXPORT.sub("", IMPORT.sub("", source)))))
    body = "\n".join(map(_tight, bare.splitlines()))
    left = LEFT.search(body)
    if left is not None:
        raise ValueError(f"{name}.js: a line that cannot be joined: {left[0]}")
    taken = "\n".join(" ".join(line.split()) for line in imports)
    return f"const ${name} = (() => {{\n{taken}\n{body}\nreturn {{{', '.join(exports)}}};\n}})();\n"


def _tight(line: str) -> str:
    """A line without the spaces that only readers need; one with a template or an expression to match is left alone."""
    if "`" in line or "/" in line:
        return line
    return "".join(SPACE.sub(r"\1", piece) if at % 2 == 0 else piece for at, piece in enumerate(TEXT.split(line)))


def style(*names: str) -> str:
    """Style sheets, one after the other."""
    return "".join(
        INDENT.sub("", COMMENT.sub("", (STYLES / f"{name}.css").read_text(encoding="utf-8"))) for name in names
    )
