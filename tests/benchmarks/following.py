"""How fast events are judged while they come, and in how much memory: registers and key-value stores. Judges nothing.

    python -m tests.benchmarks.following [EVENTS]

The events are piped into `naysayer check --follow -`, a process of its own.
"""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Iterator
from random import Random

EVENTS = 2_000_000
CLIENTS = 20


def events(count: int, keys: int) -> Iterator[bytes]:
    """Clients whose operations overlap; half of them write values that no other writes. Every hundredth write is of
    unknown outcome in the end (it took effect), and its client goes on under another number."""
    random = Random(1)
    draw, pick = random.random, random.randrange
    held = [0] * keys
    names = list(range(CLIENTS))
    asked: list[tuple[int, int] | None] = [None] * CLIENTS
    value = 0
    for now in range(count):
        client = pick(CLIENTS)
        doing = asked[client]
        if doing is None:
            key = pick(keys)
            if draw() < 0.5:
                value += 1
                asked[client] = (key, value)
                given = b',"input":%d' % value
                yield b'{"type":"invoke","process":%d,"f":"write","key":%d%b,"time":%d}\n' % (
                    names[client],
                    key,
                    given,
                    now,
                )
            else:
                asked[client] = (key, 0)
                yield b'{"type":"invoke","process":%d,"f":"read","key":%d,"time":%d}\n' % (names[client], key, now)
            continue
        key, written = doing
        asked[client] = None
        kind = b"ok"
        if written:
            held[key] = written
            if draw() < 0.01:
                kind, names[client] = b"info", names[client] + CLIENTS
                yield b'{"type":"info","process":%d,"time":%d}\n' % (names[client] - CLIENTS, now)
                continue
        output = b"" if written else b',"output":%d' % held[key] if held[key] else b""
        yield b'{"type":"%b","process":%d%b,"time":%d}\n' % (kind, names[client], output, now)


def main() -> None:
    """Print a row for each store."""
    count = int(sys.argv[-1]) if sys.argv[-1].isdigit() else EVENTS
    print(f"{'store':<12}{'events':>12}{'CPU s':>8}{'events/s':>12}{'peak MB':>9}")
    for name, keys in (("register", 1), ("kv, 100 keys", 100)):
        command = [sys.executable, "-m", "naysayer", "check", "--follow", "-", "--model", "kv"]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            batch: list[bytes] = []
            for line in events(count, keys):
                batch.append(line)
                if len(batch) == 4096:
                    process.stdin.write(b"".join(batch))
                    batch.clear()
            process.stdin.write(b"".join(batch))
            process.stdin.close()
            said = process.stdout.read().decode()
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        print(f"{name:<12}{count:>12,}{spent:>8.1f}{count / spent:>12,.0f}{after.ru_maxrss / 1024:>9.0f}")
        if process.returncode:
            print(said)


if __name__ == "__main__":
    main()
