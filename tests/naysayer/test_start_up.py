"""Commands that do little start quickly: what takes long to import is imported by the work that needs it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

JUDGED = {"numpy", "msgspec", "checker.history"}
"""What a check needs, and no help."""

HEAVY = {
    "checker.explain",
    "checker.ladder",
    "checker.processes",
    "concurrent.futures",
    "edn_format",
    "hypothesis",
    "jinja2",
    "multiprocessing",
    "naysayer.plan",
    "naysayer.simulate",
    "nemesis",
    "networkx",
    "numpy.ma",
    "paramiko",
    "rich.progress",
    "targets.backends",
    "targets.systems",
    "trio",
    "workloads",
    "yaml",
}
"""What a small valid history needs none of."""

LOADED = "import sys; from naysayer.cli import run; code = run(sys.argv[1:]); print(*sys.modules, file=sys.stderr)"


def loaded(*arguments: str) -> set[str]:
    """The modules that a command has loaded when it ends with 0."""
    done = subprocess.run(
        [sys.executable, "-c", LOADED + "; sys.exit(code)", *arguments], capture_output=True, text=True, check=True
    )
    return set(done.stderr.split())


@pytest.mark.slow
def test_help_loads_no_numbers() -> None:
    modules = loaded("--help")
    assert "naysayer.cli" in modules
    assert not modules & (HEAVY | JUDGED)


@pytest.mark.slow
@pytest.mark.parametrize("of", ["events", "operations", "edn"])
def test_a_check_of_a_small_history_loads_only_what_judges_it(of: str, tmp_path: Path) -> None:
    history = tmp_path / "history"
    history.write_text(
        {
            "events": '{"type":"invoke","process":0,"f":"write","input":1,"time":5}\n'
            '{"type":"ok","process":0,"f":"write","input":1,"time":7}\n',
            "operations": '{"client":0,"call":5,"return":9,"op":"write","input":1}\n',
            "edn": "{:process 0, :type :invoke, :f :write, :value 1}\n{:process 0, :type :ok, :f :write, :value 1}\n",
        }[of]
    )
    modules = loaded("check", str(history))
    assert modules >= JUDGED
    assert not modules & HEAVY
