"""`naysayer init --assignment NAME --lang LANGUAGE`: what a student begins with.

A folder with the kit, a skeleton with the places to fill in (in Java; in other languages the kit's example), and a
first test, a scenario that fails until something is filled in.
"""

from __future__ import annotations

import json
from pathlib import Path

from naysayer.commands.init_node import KITS, language, next_steps, write
from naysayer.grade.pack import load

FIRST_TEST = "first-test.txt"


def init_assignment(folder: Path, name: str, lang: str) -> int:
    """Write the folder; a file that is there is never overwritten. Raises UsageError for names that there are not."""
    chosen, assignment = language(lang), load(name)
    pack = Path(assignment.folder)
    sources = sorted((pack / lang).glob("*")) or [KITS / chosen.example]
    program = sources[0].stem if sources[0].stem != "main" else chosen.name
    host = chosen.host.format(name=program)
    first = (pack / FIRST_TEST).read_text(encoding="utf-8").replace("{host}", json.dumps(f"host:{host}"))
    files: dict[str, Path | str] = {str((KITS / file).relative_to(KITS / lang)): KITS / file for file in chosen.kit}
    for source in sources:
        files[source.name if source.stem != "main" else f"{chosen.name}/{source.name}"] = source
    write(folder, {**files, FIRST_TEST: first})
    next_steps(
        folder,
        chosen,
        "# fails until something is filled in",
        f"naysayer play {FIRST_TEST}",
        "# once it passes: seeds with faults, and the points",
        f'naysayer hunt --host "{host}"{" --nodes 1" if assignment.test[0].nodes == 1 else ""}',
        f'naysayer grade {name} --host "{host}"',
    )
    return 0
