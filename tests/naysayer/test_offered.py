"""A program of a user's is asked once which operations it has, and hunted with workloads that suit it."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from naysayer.cli import run
from naysayer.hunt.swarm import fitting
from naysayer.possible import dies, offered, said_of
from targets.protocol.target import Target
from targets.registry import find

pytestmark = pytest.mark.slow

KIT = Path(__file__).parents[2] / "targets" / "kits" / "python" / "naysayer_kit.py"

LATE_LEADER = """
    def on_message(self, message):
        if self.ctx.now_ms < 300:
            self.ctx.error(message, 11, "there is no leader yet")
        elif message.type == "cas":
            self.ctx.error(message, 22, "the value is another one")
        elif message.type in ("read", "write"):
            self.ctx.reply(message, message.type + "_ok", value=1)
        else:
            super().on_message(message)
"""
NO_DEFAULT = """
    def on_message(self, message):
        if message.type not in ("read", "write"):
            raise ValueError(message.type)
        self.ctx.reply(message, message.type + "_ok", value=1)
"""
DIES = """
    def on_start(self):
        raise ValueError("no")
"""


def program(folder: Path, methods: str) -> Target:
    shutil.copy(KIT, folder)
    source = f"from naysayer_kit import Node, run\n\nclass Mine(Node):{methods}\nrun(Mine)\n"
    (folder / "mine.py").write_text(source)
    return find(f"host:{sys.executable} {folder / 'mine.py'}")


def test_what_a_leader_offers_is_seen_once_there_is_one(tmp_path: Path) -> None:
    target = program(tmp_path, LATE_LEADER)
    assert offered(target) == {"read", "write", "cas"}
    assert fitting(target) == ["cas-register", "write-few-with-cas"]


def test_an_operation_of_which_a_node_dies_is_named_and_left_out(tmp_path: Path) -> None:
    target = program(tmp_path, NO_DEFAULT)
    assert offered(target) == {"read", "write"}
    assert fitting(target) == ["register", "write-few-read-many"]
    assert "a node died when asked for acquire, add, append, cas" in str(said_of(target))


def test_a_node_that_dies_by_itself_fails_the_first_seed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = program(tmp_path, DIES)
    assert dies(target)
    assert run(["hunt", "--host", target.name.removeprefix("host:"), "--results", str(tmp_path / "results")]) == 1
    printed = " ".join(capsys.readouterr().out.split())
    assert "after 1 seed, " in printed
    assert "raised ValueError at mine.py:" in printed
