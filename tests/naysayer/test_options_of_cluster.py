"""[test] of cluster.toml: defaults for options of the command line, which come first."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from checker.errors import UsageError
from naysayer.commands.backends import choose
from naysayer.commands.live import live_plan
from naysayer.options import RunOptions
from naysayer.plan import Plan
from workloads.tailored import Sizes

FILE = """\
name = "store"
[nodes.n1]
host = "localhost"
client = "localhost:6379"
[client]
kind = "redis"
[commands]
start = "true"
pid = "true"
start_timeout_s = 90
[test]
rate = 50
clients_per_key = 2
nemesis = ["kill:majority"]
nemesis_interval_s = 10
time_s = 60
"""


def plan(tmp_path: Path, options: RunOptions, text: str = FILE) -> Plan:
    """The plan of a run with the file and these options besides."""
    file = tmp_path / "cluster.toml"
    file.write_text(text)
    options = replace(options, cluster=file)
    return live_plan(choose(options)[0], options)


def test_what_the_command_line_leaves_open_is_as_the_file_says(tmp_path: Path) -> None:
    found = plan(tmp_path, RunOptions())
    assert (found.rate, found.nemesis_interval_s, found.nemesis) == (50, 10, ("kill:majority",))
    assert (found.time_s, found.start_timeout_s, found.deck) == (60, 90, False)
    assert found.sizes == Sizes(clients_per_key=2)


def test_the_command_line_comes_first(tmp_path: Path) -> None:
    found = plan(tmp_path, RunOptions(rate=7, nemesis=(), operations=100, start_timeout_s=5))
    assert (found.rate, found.nemesis, found.start_timeout_s) == (7, (), 5)
    assert (found.operations, found.time_s) == (100, None), "a number of operations is a bound of its own"


def test_none_means_no_faults(tmp_path: Path) -> None:
    assert plan(tmp_path, RunOptions(), FILE.replace('["kill:majority"]', '["none"]')).nemesis == ()


def test_a_field_that_there_is_not_is_refused_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cluster.toml: .*`speed`.*\$.test"):
        plan(tmp_path, RunOptions(), FILE + "speed = 3\n")
