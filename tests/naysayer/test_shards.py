"""Hunts in parts: the shards of a hunt are the hunt, and only what belongs together is merged."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from checker.errors import UsageError
from naysayer.cli import run
from naysayer.hunt.campaign import Hunt
from naysayer.hunt.shards import Shard, merge, shard_of


def document(number: int, count: int = 3, **changes: Any) -> tuple[str, bytes]:
    asked = {"target": "quorum-kv", "seeds": 30, **changes.pop("asked", {})}
    hunt = {"seeds": 10, "undecided": 0, "cpu_s": 1.0, "interrupted": False, "asked": asked, **changes}
    hunt["shard"] = {"number": number, "count": count}
    return f"{number}.json", json.dumps({"naysayer": "1", "hunt": hunt}).encode()


@pytest.mark.parametrize(("seeds", "count"), [(30, 3), (1000, 4), (1001, 7), (5, 5)])
def test_the_shards_of_a_hunt_have_each_of_its_runs_once(seeds: int, count: int) -> None:
    numbers: list[int] = []
    for number in range(1, count + 1):
        hunt = Hunt("quorum-kv", seeds=seeds, shard=Shard(number, count))
        hunt.validate()
        mine = [seed for batch in hunt.batches() for seed in batch]
        assert mine
        numbers += mine
    assert sorted(numbers) == list(range(1, seeds + 1))


def test_failures_with_the_same_minimised_scenario_are_one() -> None:
    first, second, third = (f"# from seed {seed}\ncluster quorum-kv nodes 3 seed {seed} workload register\nend {end}\n"
                            for seed, end in ((1, 5), (2, 5), (3, 9)))  # fmt: skip
    merged = merge([document(1, scenario=first), document(2, scenario=second), document(3, scenario=third)])
    assert merged.failures == {first: (1, 2), third: (3,)}
    assert (merged.seeds, merged.cpu_s, merged.lacking) == (30, 3.0, ())


def test_a_shard_that_is_lacking_or_was_interrupted_is_to_be_made() -> None:
    assert merge([document(1), document(3, interrupted=True)]).lacking == (2, 3)


@pytest.mark.parametrize(
    ("second", "said"),
    [
        (document(2, asked={"seeds": 60}), "seeds is 60 in one and 30 in the other"),
        (document(2, count=4), "one is of 4 shards, the other of 3"),
        (document(1), "are both shard 1/3"),
        (("x.json", b"{}"), "x.json is not the JSON document of a hunt"),
        (("x.json", b'{"naysayer": "1", "hunt": null}'), "x.json is not of a shard"),
    ],
)
def test_what_does_not_belong_together_is_refused(second: tuple[str, bytes], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        merge([document(1), second])


@pytest.mark.parametrize("text", ["0/3", "4/3", "2", "a/b", ""])
def test_a_shard_is_its_number_and_their_count(text: str) -> None:
    assert shard_of("2/8") == Shard(2, 8)
    with pytest.raises(UsageError, match="write 2/8"):
        shard_of(text)


def test_merged_documents_have_the_exit_code_of_the_hunt(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def merged(*documents: tuple[str, bytes]) -> int:
        for name, content in documents:
            (tmp_path / name).write_bytes(content)
        return run(["merge", *(str(tmp_path / name) for name, _ in documents)])

    assert merged(document(1), document(2), document(3)) == 0
    assert "✓ quorum-kv: nothing found in 30 seeds" in capsys.readouterr().out
    assert merged(document(1), document(3)) == 2
    assert "not made to their end: 2/3" in capsys.readouterr().out
    assert merged(document(1, scenario="cluster")) == 1
    assert "Failure 1, found by shard 1:" in capsys.readouterr().out
    assert merged(document(1), document(2, count=4)) == 3


@pytest.mark.slow
def test_shards_run_and_merge(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number in (1, 2):
        arguments = ["--seeds", "4", "--ops", "20", "--shard", f"{number}/2", "--results", str(tmp_path / "r")]
        assert run(["hunt", "quorum-kv", *arguments, "--json"]) == 0
        (tmp_path / f"{number}.json").write_text(capsys.readouterr().out)
    assert run(["merge", str(tmp_path / "1.json"), str(tmp_path / "2.json")]) == 0
    assert "nothing found in 4 seeds" in capsys.readouterr().out
