"""How fast histories are read: a million operations in JSON lines, in both forms, and in EDN, plain and gzip. Judges
nothing.

    python -m tests.benchmarks.reading

Each row runs in a process of its own, so that the peak is its own.
"""

from __future__ import annotations

import gzip
import resource
import tempfile
import time
from collections.abc import Iterator
from multiprocessing import get_context
from pathlib import Path
from random import Random

from checker.formats import read

OPERATIONS = 1_000_000
CLIENTS = 50


def operations() -> Iterator[str]:
    """One line per operation, half of them writes of unique values."""
    random = Random(1)
    now = value = 0
    for index in range(OPERATIONS):
        now += random.randint(1, 1000)
        common = f'"client":{index % CLIENTS},"call":{now},"return":{now + random.randint(1, 40_000)}'
        if index % 2:
            value += 1
            yield f'{{{common},"op":"write","key":"0","input":{value},"output":null}}\n'
        else:
            yield f'{{{common},"op":"read","key":"0","input":null,"output":{value or "null"}}}\n'


def events() -> Iterator[str]:
    """Two lines per operation, which follow each other."""
    now = value = 0
    for index in range(OPERATIONS):
        now += 2
        process = index % CLIENTS
        f = "write" if index % 2 else "read"
        value += index % 2
        given, output = (f'"input":{value},', "") if index % 2 else ("", f'"output":{value or "null"},')
        yield f'{{"type":"invoke","process":{process},"f":"{f}","key":"x",{given}"time":{now},"node":"n1"}}\n'
        yield f'{{"type":"ok","process":{process},"f":"{f}","key":"x",{output}"time":{now + 1}}}\n'


def edn() -> Iterator[str]:
    """The events as Jepsen prints them, with a nemesis now and then."""
    value = 0
    for index in range(OPERATIONS):
        value += index % 2
        written, found = (value, value) if index % 2 else ("nil", value or "nil")
        f, time, process = "write" if index % 2 else "read", 2000 * index, index % CLIENTS
        begun = f":f :{f}, :value {written}, :process {process}, :time {time}, :index {2 * index}"
        ended = f":f :{f}, :value {found}, :process {process}, :time {time + 1000}, :index {2 * index + 1}"
        yield f"{{:type :invoke, {begun}}}\n{{:type :ok, {ended}}}\n"
        if index % 5000 == 0:
            cut = '[:isolated {"n1" #{"n2" "n3"}, "n2" #{"n1"}, "n3" #{"n1"}}]'
            yield f"{{:type :info, :f :start-partition, :value {cut}, :process :nemesis, :time {time}}}\n"


def measure(path: str) -> tuple[str, int, float, float]:
    """Format, operations, seconds of one core, peak memory in MB."""
    started = time.process_time()
    recording = read(path)
    seconds = time.process_time() - started
    return recording.format, len(recording.history), seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Print a row for each form."""
    print(f"{'format':<26}{'file MB':>8}{'operations':>12}{'CPU s':>9}{'peak MB':>9}")
    with tempfile.TemporaryDirectory() as folder:
        for lines in (operations, events, edn):
            plain = Path(folder, lines.__name__)
            plain.write_text("".join(lines()))
            packed = plain.with_suffix(".gz")
            packed.write_bytes(gzip.compress(plain.read_bytes(), 3))
            for path in (plain, packed):
                with get_context("spawn").Pool(1) as pool:
                    form, count, seconds, peak = pool.apply(measure, (str(path),))
                form += ", gzip" if path == packed else ""
                print(f"{form:<26}{path.stat().st_size / 1e6:>8.0f}{count:>12,}{seconds:>9.2f}{peak:>9.0f}")


if __name__ == "__main__":
    main()
