"""The write-ahead log, over the simulated disk and over a real folder."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from checker.errors import TargetError
from targets.backends.directory_disk import DirectoryDisk
from targets.backends.simulator.disk import SimulatedDisk
from targets.protocol.node import Disk
from targets.systems.wal.log import HEAD, WriteAheadLog

SEGMENT = 200


@pytest.fixture(params=["simulated", "directory"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Disk:
    return SimulatedDisk() if request.param == "simulated" else DirectoryDisk(tmp_path / "disk")


def reopen(disk: Disk) -> WriteAheadLog:
    log = WriteAheadLog(disk, SEGMENT)
    log.recover()
    return log


def texts(numbers: range) -> list[bytes]:
    return [b"record %d" % number for number in numbers]


def write(disk: Disk, numbers: range) -> WriteAheadLog:
    log = reopen(disk)
    for text in texts(numbers):
        log.append(text)
        log.sync()
    return log


def overwrite(disk: Disk, name: str, data: bytes) -> None:
    disk.truncate(name, 0)
    disk.append(name, data)
    disk.sync(name)


def segments(disk: Disk) -> list[str]:
    return [name for name in disk.names() if name.startswith("wal-")]


def test_an_empty_disk_has_no_records_and_the_first_is_number_one(disk: Disk) -> None:
    log = WriteAheadLog(disk)
    recovered = log.recover()
    assert (recovered.snapshot, recovered.first, recovered.records) == (None, 1, [])
    assert [log.append(b"a"), log.append_batch([b"b", b""]), log.append(b"c")] == [1, 3, 4]
    log.sync()
    assert WriteAheadLog(disk).recover().records == [b"a", b"b", b"", b"c"]


def test_records_come_back_in_order_from_many_segments(disk: Disk) -> None:
    write(disk, range(30))
    assert len(segments(disk)) > 3
    log = WriteAheadLog(disk, SEGMENT)
    assert log.recover().records == texts(range(30))
    assert log.next_index == 31


def test_a_log_goes_on_where_it_ended(disk: Disk) -> None:
    for start in range(0, 20, 4):
        write(disk, range(start, start + 4))
    assert WriteAheadLog(disk, SEGMENT).recover().records == texts(range(20))


@pytest.mark.parametrize("kept", [1, HEAD.size - 1, HEAD.size, HEAD.size + 5])
def test_a_torn_tail_is_cut_off_and_what_follows_survives(disk: Disk, kept: int) -> None:
    write(disk, range(3))
    name = segments(disk)[-1]
    whole = disk.read(name)
    frame = len(whole) // 3
    overwrite(disk, name, whole[: 2 * frame + kept])
    log = WriteAheadLog(disk, SEGMENT)
    assert log.recover().records == texts(range(2))
    assert log.append(b"after") == 3
    log.sync()
    assert WriteAheadLog(disk, SEGMENT).recover().records == [*texts(range(2)), b"after"]


def test_every_prefix_of_a_batch_is_nothing_of_the_batch(disk: Disk) -> None:
    log = write(disk, range(1))
    name = segments(disk)[-1]
    before = disk.read(name)
    log.append_batch([b"one", b"two", b"three"])
    log.sync()
    whole = disk.read(name)
    for length in range(len(before), len(whole)):
        overwrite(disk, name, whole[:length])
        assert WriteAheadLog(disk, SEGMENT).recover().records == texts(range(1)), f"{length} bytes"
    overwrite(disk, name, whole)
    assert len(WriteAheadLog(disk, SEGMENT).recover().records) == 4


def test_no_flipped_bit_goes_unnoticed(disk: Disk) -> None:
    write(disk, range(3))
    name = segments(disk)[-1]
    whole = disk.read(name)
    for at in range(len(whole)):
        spoilt = bytearray(whole)
        spoilt[at] ^= 1 << at % 8
        overwrite(disk, name, bytes(spoilt))
        with pytest.raises(TargetError, match=rf"{name} is damaged at byte \d+"):
            WriteAheadLog(disk, SEGMENT).recover()


def test_a_segment_that_ends_early_is_refused_unless_it_is_the_last(disk: Disk) -> None:
    write(disk, range(20))
    first = segments(disk)[0]
    overwrite(disk, first, disk.read(first)[:-1])
    with pytest.raises(TargetError, match=f"{first} is damaged"):
        WriteAheadLog(disk, SEGMENT).recover()


def test_a_missing_segment_is_refused_with_the_numbers_of_its_records(disk: Disk) -> None:
    write(disk, range(20))
    first, second, third = (int(name.removeprefix("wal-")) for name in segments(disk)[:3])
    disk.remove(segments(disk)[1])
    with pytest.raises(TargetError, match=f"records {second} to {third - 1} are missing"):
        WriteAheadLog(disk, SEGMENT).recover()
    disk.remove(segments(disk)[0])
    with pytest.raises(TargetError, match=f"records {first} to {third - 1} are missing"):
        WriteAheadLog(disk, SEGMENT).recover()


def test_a_snapshot_takes_the_place_of_the_records_before_it(disk: Disk) -> None:
    log = write(disk, range(20))
    log.snapshot(b"state", 12)
    log.clean(13)
    assert int(segments(disk)[0].removeprefix("wal-")) <= 13 < int(segments(disk)[1].removeprefix("wal-"))
    recovered = WriteAheadLog(disk, SEGMENT).recover()
    assert (recovered.snapshot, recovered.snapshot_index, recovered.first) == (b"state", 12, 13)
    assert recovered.records == texts(range(12, 20))


def test_only_the_newest_snapshot_stays(disk: Disk) -> None:
    log = write(disk, range(20))
    log.snapshot(b"old", 3)
    log.snapshot(b"new", 20)
    assert [name for name in disk.names() if "snapshot" in name] == [f"snapshot-{20:020d}"]
    recovered = WriteAheadLog(disk, SEGMENT).recover()
    assert (recovered.snapshot, recovered.records) == (b"new", [])


def test_a_snapshot_that_was_never_finished_is_forgotten(disk: Disk) -> None:
    write(disk, range(3))
    disk.create("snapshot.tmp")
    disk.append("snapshot.tmp", b"half of")
    recovered = WriteAheadLog(disk, SEGMENT).recover()
    assert (recovered.snapshot, recovered.records) == (None, texts(range(3)))
    assert "snapshot.tmp" not in disk.names()


def test_a_damaged_snapshot_is_refused(disk: Disk) -> None:
    log = write(disk, range(3))
    log.snapshot(b"state", 3)
    name = f"snapshot-{3:020d}"
    overwrite(disk, name, disk.read(name)[:-1] + b"?")
    with pytest.raises(TargetError, match=f"{name} is damaged"):
        WriteAheadLog(disk, SEGMENT).recover()


def test_the_numbering_goes_on_behind_a_snapshot_without_records(disk: Disk) -> None:
    log = write(disk, range(3))
    log.snapshot(b"state", 3)
    for name in segments(disk):
        disk.remove(name)
    log = WriteAheadLog(disk, SEGMENT)
    assert log.recover().records == []
    assert log.append(b"next") == 4
    log.sync()
    assert WriteAheadLog(disk, SEGMENT).recover().records == [b"next"]


@pytest.mark.parametrize("torn", [False, True])
def test_a_power_loss_at_any_moment_loses_nothing_that_was_synced(torn: bool) -> None:
    for seed in range(150):
        random = Random(seed)
        disk = SimulatedDisk()
        known: list[bytes] = []
        for _ in range(4):
            log = WriteAheadLog(disk, SEGMENT)
            recovered = log.recover()
            kept = (recovered.snapshot or b"").split(b";") if recovered.snapshot else []
            found = [*kept, *recovered.records]
            assert found[: len(known)] == known, f"seed {seed}"
            known = found
            for _ in range(random.randrange(12)):
                log.append_batch(batch := [b"%d" % random.getrandbits(60) for _ in range(random.choice((1, 1, 3)))])
                found = [*found, *batch]
                if random.random() < 0.6:
                    log.sync()
                    known = found
                if random.random() < 0.1 and known == found:
                    log.snapshot(b";".join(known), len(known))
                    log.clean(len(known) + 1)
            disk.lose_power(random, torn=torn)


def test_what_recovery_returns_survives_the_next_power_loss() -> None:
    for seed in range(50):
        disk = SimulatedDisk()
        log = WriteAheadLog(disk, SEGMENT)
        log.recover()
        log.append(b"written, never synced")  # the process dies here, and its page cache stays
        found = WriteAheadLog(disk, SEGMENT).recover().records
        disk.lose_power(Random(seed), torn=True)
        assert WriteAheadLog(disk, SEGMENT).recover().records == found
