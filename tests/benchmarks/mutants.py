"""Mistakes put into the checker one at a time, and how the tests notice them. Judges nothing.

    python -m tests.benchmarks.mutants [NAME ...]

Each mutant is a copy of checker/ and tests/ in which one line is wrong. What is named beside it must fail there: a
comparison with brute force, or a file of tests. A text that is not found any more is reported as gone.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

HERE = Path(__file__).resolve().parents[2]
TIMEOUT_S = 600


class Mutant(NamedTuple):
    """`noticed`: models to compare with brute force, in every stage; or a file of tests."""

    name: str
    file: str
    right: str
    wrong: str
    noticed: str


MUTANTS = (
    Mutant(
        "eager now: what changes nothing now is done at once",
        "checker/depth_first.py",
        "if effect_free[kind] and following(kind, state) >= 0:",
        "if (effect_free[kind] and following(kind, state) >= 0) or following(kind, state) == state:",
        "cas-register",
    ),
    Mutant(
        "relaxed says valid: pending operations used twice",
        "tests/checker/stages.py",
        'return "unknown" if slots.pending else "valid", []',
        'return "valid", []',
        "cas-register",
    ),
    Mutant(
        "zones: one inside another may touch its beginning",
        "checker/monitors/zones.py",
        'holder = np.searchsorted(s[forward], e[backward], side="left") - 1',
        'holder = np.searchsorted(s[forward], e[backward], side="right") - 1',
        "tests/checker/test_zones.py",
    ),
    Mutant(
        "a return before a call at the same time",
        "checker/slots.py",
        "order = np.lexsort((rows, returns, np.concatenate((call, ret[ended]))))",
        "order = np.lexsort((rows, -returns, np.concatenate((call, ret[ended]))))",
        "register",
    ),
    Mutant(
        "a pending operation is available before its call",
        "checker/slots.py",
        "yield counter, kind, bisect_right(since, number)",
        "yield counter, kind, len(since)",
        "tests/checker/test_stages.py::test_a_pending_write_cannot_help_before_its_call",
    ),
    Mutant(
        "dominance the wrong way round: what used up more stays",
        "checker/configurations.py",
        "if (guarded - other) & guards == guards:",
        "if ((other | guards) - used[0]) & guards == guards:",
        "tests/checker/test_stages.py::test_what_used_up_fewer_replaces_what_was_there_first",
    ),
    Mutant(
        "counting: one more may happen than was called",
        "checker/counting.py",
        "if most is not None and excess[most] > 0:",
        "if most is not None and excess[most] > 1:",
        "cas-register",
    ),
    Mutant(
        "a slot is not freed in the sets of masks",
        "checker/bit_parallel.py",
        "self.masks = {state: masks >> (1 << slot) for state, masks in after.items()}",
        "self.masks = after",
        "register",
    ),
    Mutant(
        "a window whose straddling operations must return",
        "checker/windows.py",
        "self.ret[row] if self._returns(row) else PENDING for row, _ in rows",
        "self.ret[row] for row, _ in rows",
        "tests/checker/test_windows.py",
    ),
    Mutant(
        "the horizon of a stream ignores open reads",
        "checker/online_register.py",
        "horizon = next(iter(self.reading.values())).call if self.reading else now",
        "horizon = now",
        "tests/checker/test_online_register.py",
    ),
    Mutant(
        "a stream takes equal times for an order",
        "checker/online_register.py",
        "if other.e > s and other.s < e and other is not held:",
        "if other.e >= s and other.s <= e and other is not held:",
        "register",
    ),
    Mutant(
        "a failed write counts as done",
        "checker/formats/events.py",
        'KINDS = {"invoke": INVOKE, "ok": 0, "fail": 1, "info": 2}',
        'KINDS = {"invoke": INVOKE, "ok": 0, "fail": 0, "info": 2}',
        "tests/checker/test_formats.py",
    ),
    Mutant(
        "flat EDN: an ok read without a value saw nothing",
        "checker/formats/edn_lines.py",
        'if content is None and kind == "ok" and ALIASES.get(name, name) == "read":',
        "if False:",
        "tests/checker/test_edn_lines.py",
    ),
    Mutant(
        "flat EDN: 007 is 7",
        "checker/formats/edn_lines.py",
        'if form.isascii() and form.isdigit() and form[0] != "0" and len(form) < 19:',
        "if form.isascii() and form.isdigit() and len(form) < 19:",
        "tests/checker/test_edn_lines.py",
    ),
    Mutant(
        "the verifier ignores real time",
        "checker/verify.py",
        "if latest is not None and op.ret < latest.call:",
        "if False:",
        "tests/checker/test_verify.py",
    ),
    Mutant(
        "causal order begins after a value was found",
        "checker/sessions.py",
        "after = initially | (clocks[newest, lane[source]] >= number[source])",
        "after = initially | (clocks[newest, lane[source]] > number[source])",
        "tests/checker/test_ladder.py",
    ),
    Mutant(
        "a text goes out of values that another text begins",
        "checker/models/kv.py",
        'if "" in texts or any(longer.startswith(text) for text, longer in pairwise(sorted(texts))):',
        'if "" in texts:',
        "tests/checker/test_append_cut.py",
    ),
)

PORTIONS, PORTION = 24, 250
"""Histories are compared in portions, up to the first that shows a mistake."""

COMPARED = f"""
import sys
from tests.checker.stages import EVERY_STAGE, disagreements
for portion in range({PORTIONS}):
    decided, wrong = disagreements(sys.argv[1], {PORTION}, f"mutants {{portion}}", EVERY_STAGE)
    if wrong:
        print(wrong[0].splitlines()[0], "after", {PORTION} * (portion + 1), "histories at most")
        sys.exit(1)
"""


def noticed(mutant: Mutant, folder: Path) -> str:
    """How the mutant is noticed; "" if it is not."""
    for package in ("checker", "tests"):
        shutil.copytree(HERE / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(HERE / "pyproject.toml", folder)
    place = folder / mutant.file
    text = place.read_text()
    if text.count(mutant.right) != 1:
        return "GONE: the text is not there any more"
    place.write_text(text.replace(mutant.right, mutant.wrong))
    by_tests = "/" in mutant.noticed
    command = ["-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", mutant.noticed] if by_tests else ["-c", COMPARED]
    arguments = [sys.executable, *command, *([] if by_tests else [mutant.noticed])]
    paths = os.pathsep.join((str(folder), str(HERE)))
    environment = {**os.environ, "PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(arguments, cwd=folder, env=environment, capture_output=True, text=True, timeout=TIMEOUT_S)
    if not done.returncode:
        return ""
    failed = [line for line in done.stdout.splitlines() if line.startswith("FAILED")]
    said = failed[0].split("::")[-1].partition(" - ")[0] if failed else (done.stdout or done.stderr).strip()
    return said.splitlines()[-1][:100] if said else f"exit code {done.returncode}"


def main() -> None:
    """Print a row for each mutant."""
    wanted = [name for name in sys.argv[1:] if not name.startswith("-")]
    print(f"{'mutant':<56}{'wall s':>7}  noticed by")
    for mutant in MUTANTS:
        if wanted and not any(name in mutant.name for name in wanted):
            continue
        started = time.monotonic()
        with TemporaryDirectory() as folder:
            how = noticed(mutant, Path(folder))
        print(f"{mutant.name:<56}{time.monotonic() - started:>7.0f}  {how or 'NOTHING: it survives'}", flush=True)


if __name__ == "__main__":
    main()
