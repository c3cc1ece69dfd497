"""`naysayer merge FILE...`: what the shards of one hunt found together."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from checker.english import counted
from checker.errors import UsageError
from naysayer.hunt.shards import Merged, merge
from naysayer.report.conclusion import Conclusion
from naysayer.report.console import console

FOUND, NOTHING, UNDECIDED = 1, 0, 2


def merge_files(files: Sequence[Path]) -> Conclusion:
    """Merge the JSON documents of shards and report. Raises UsageError for files that do not belong together."""
    documents = []
    for file in files:
        try:
            documents.append((str(file), file.read_bytes()))
        except OSError as error:
            raise UsageError(f"{file}: {error.strerror}") from error
    merged = merge(documents)
    target = str(merged.asked.get("target"))
    screen = console()
    effort = f"{counted(merged.seeds, 'seed')}, {merged.cpu_s:.1f} CPU s"
    undecided = f", {merged.undecided} undecided" if merged.undecided else ""
    lines = [_headline(target, merged, f"{effort}{undecided}")]
    for number, (scenario, shards) in enumerate(merged.failures.items(), 1):
        where = f"shard{'' if len(shards) == 1 else 's'} {', '.join(map(str, shards))}"
        lines.append(f"\nFailure {number}, found by {where}:\n\n{scenario.strip()}\n")
    if merged.lacking:
        missing = ", ".join(f"{number}/{merged.count}" for number in merged.lacking)
        lines.append(f"? not made to their end: {missing}; run these with the same options, and merge again")
    screen.print("\n".join(lines), markup=False, highlight=False, soft_wrap=True)
    facts = {
        "seeds": merged.seeds,
        "undecided": merged.undecided,
        "cpu_s": round(merged.cpu_s, 3),
        "lacking": list(merged.lacking),
        "failures": [{"scenario": text, "shards": list(shards)} for text, shards in merged.failures.items()],
    }
    code = FOUND if merged.failures else UNDECIDED if merged.lacking or merged.undecided else NOTHING
    return Conclusion(code, target, hunt=facts)


def _headline(target: str, merged: Merged, effort: str) -> str:
    if merged.failures:
        return f"✗ {target}: {counted(len(merged.failures), 'failure')} in {effort}"
    return f"{'?' if merged.lacking or merged.undecided else '✓'} {target}: nothing found in {effort}"
