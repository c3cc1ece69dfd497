"""Storage faults on processes: what is synced survives a power loss, whatever the program is written in."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from checker.errors import UsageError
from naysayer.__main__ import main as naysayer
from targets.backends.processes.disks import Disks
from targets.backends.storage import build
from targets.backends.storage.disk import Disk
from targets.protocol.fault import Corrupt, Evidence, Fault, Kill
from tests.systems import needs, without

SEEDS = 8

POWER, TORN = Kill(("n1",), power=True), Kill(("n1",), power=True, torn=True)

FILES = """
import os, sys
os.chdir(sys.argv[1])
for number in range(24):
    file = os.open(str(number), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(file, b"synced")
    os.fsync(file)
    os.write(file, b"lost")
    os.write(file, b"lost")
os.fsync(os.open(".", os.O_RDONLY))
"""

STATIC = r"""
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int n, char **words) {
    if (n < 2 || chdir(words[1]))
        return 1;
    int folder = open(".", O_RDONLY);
    int mapped = open("mapped", O_RDWR | O_CREAT, 0600);
    if (ftruncate(mapped, 6))
        return 1;
    char *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, mapped, 0);
    memcpy(memory, "synced", 6);
    msync(memory, 4096, MS_SYNC);

    void *page;
    if (posix_memalign(&page, 4096, 4096))
        return 1;
    memset(page, 's', 4096);
    int direct = open("direct", O_WRONLY | O_CREAT | O_DIRECT, 0600);
    syscall(SYS_write, direct, page, 4096); /* as a program does that has no libc */
    syscall(SYS_fsync, direct);

    FILE *buffered = fopen("buffered", "w");
    fputs("synced", buffered);
    fflush(buffered);
    fsync(fileno(buffered));

    int durable = open("durable", O_WRONLY | O_CREAT | O_DSYNC, 0600);
    if (write(durable, "synced", 6) != 6)
        return 1;
    fsync(folder);

    memcpy(memory, "LOST!!", 6);
    syscall(SYS_write, direct, page, 4096);
    fputs("lost", buffered);
    fflush(buffered);
    return write(durable, "kept", 4) != 4;
}
"""

NAMES = """
import os, sys
os.chdir(sys.argv[1])
folder = os.open(".", os.O_RDONLY)
os.close(os.open("old", os.O_CREAT))
os.fsync(folder)
os.rename("old", "new")
os.close(os.open("made", os.O_CREAT))
"""

STORED = """
import os, sys
os.chdir(sys.argv[1])
file = os.open("wal", os.O_WRONLY | os.O_CREAT)
os.write(file, b"a" * 4096)
os.fsync(file)
os.fsync(os.open(".", os.O_RDONLY))
"""

FAILING = """
import os, sys
os.chdir(sys.argv[1])
file = os.open("wal", os.O_WRONLY | os.O_APPEND)
os.write(file, b"b" * 4096)
for _ in range(2):
    try:
        os.fsync(file)
        print("synced")
    except OSError as error:
        print(error.strerror)
"""


class Place:
    """A data folder whose disk is looked after, and the evidence of its faults."""

    def __init__(self, folder: Path) -> None:
        self.data = folder / "data"
        self.data.mkdir()
        self.shown: list[Evidence] = []
        self.disks = Disks(folder, 1, self._note)
        self.disk: Disk

    def _note(self, fault: Fault, from_ms: float, detail: str, /, *, shown: bool = True) -> None:
        self.shown.append(Evidence(fault, from_ms, None, shown, detail))

    async def run(self, *command: str | Path, number: int = 0) -> list[str]:
        """Run a program in a folder of that number; the lines that it prints."""
        folder = self.data / str(number)
        folder.mkdir(exist_ok=True)
        words = self.disks.command("n1", [*map(str, command), str(folder)])
        return (await trio.run_process(words, capture_stdout=True)).stdout.decode().splitlines()

    async def lose(self, fault: Kill = POWER) -> str:
        await self.disk.lose_power(fault, 0.0, "ended")
        return self.shown[-1].detail

    def read(self, name: str, number: int = 0) -> bytes:
        return (self.data / str(number) / name).read_bytes()


@asynccontextmanager
async def place(folder: Path) -> AsyncIterator[Place]:
    made = Place(folder)
    try:
        made.disk = await made.disks.add("n1", made.data)
        yield made
    finally:
        made.disks.close()


def test_without_a_compiler_storage_faults_are_refused_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    arguments = ["test", "wal-kv", "--live", "--nemesis", "torn", "--results", str(tmp_path / "results")]
    monkeypatch.setattr(sys, "argv", ["naysayer", *arguments])
    with pytest.raises(SystemExit) as ended:
        sys.exit(naysayer())
    assert ended.value.code == 3
    assert "need a C compiler: install gcc or clang" in " ".join(capsys.readouterr().err.split())


class TestDisks:
    pytestmark = needs(without("cc"))

    def test_the_program_compiles_without_a_warning(self, tmp_path: Path) -> None:
        command = ["cc", *build.FLAGS, "-Wall", "-Wextra", "-Werror", "-o", tmp_path / "out"]
        subprocess.run([*command, *(one for one in build.sources() if one.suffix == ".c")], check=True)

    def test_headers_that_are_missing_are_named(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(build, "FLAGS", ("-nostdinc",))
        with pytest.raises(UsageError, match=r"does not compile here: .*are the headers"):
            build.compiled(tmp_path)

    @pytest.mark.parametrize("fault", [POWER, TORN])
    def test_what_a_program_synced_survives_and_some_prefix_of_the_rest(self, fault: Kill, tmp_path: Path) -> None:
        async def main() -> set[bytes]:
            async with place(tmp_path) as here:
                await here.run(sys.executable, "-c", FILES)
                assert "lost" in await here.lose(fault)
                return {here.read(str(number)) for number in range(24)}

        left = trio.run(main)
        whole = b"syncedlostlost"
        if fault.torn:
            assert left <= {whole[:size] for size in range(6, 14)}
            assert left - {b"synced", b"syncedlost"}
        else:
            assert left == {b"synced", b"syncedlost", whole}

    def test_a_static_program_that_maps_and_writes_directly_is_seen(self, tmp_path: Path) -> None:
        source, program = tmp_path / "static.c", tmp_path / "static"
        source.write_text(STATIC)
        subprocess.run(["cc", "-static", "-o", program, source], check=True)
        left: set[tuple[bytes, int, bytes]] = set()

        async def main() -> None:
            async with place(tmp_path) as here:
                for number in range(SEEDS):
                    await here.run(program, number=number)
                    await here.lose()
                    mapped, direct, buffered = (here.read(name, number) for name in ("mapped", "direct", "buffered"))
                    left.add((mapped, len(direct), buffered))
                    assert here.read("durable", number) == b"syncedkept"

        trio.run(main)
        assert {mapped for mapped, _, _ in left} == {b"synced", b"LOST!!"}
        assert {size for _, size, _ in left} == {4096, 8192}
        assert {text for _, _, text in left} == {b"synced", b"syncedlost"}

    @pytest.mark.parametrize("synced", [True, False])
    def test_a_name_is_durable_once_its_directory_is_synced(self, synced: bool, tmp_path: Path) -> None:
        left = set()

        async def main() -> None:
            async with place(tmp_path) as here:
                for number in range(SEEDS):
                    await here.run(sys.executable, "-c", NAMES + "os.fsync(folder)" * synced, number=number)
                    await here.lose()
                    left.add(tuple(sorted(os.listdir(here.data / str(number)))))

        trio.run(main)
        assert left == ({("made", "new")} if synced else {("old",), ("new",), ("made", "new")})

    def test_a_failed_sync_leaves_pages_clean_and_the_disk_as_it_was(self, tmp_path: Path) -> None:
        async def main() -> None:
            async with place(tmp_path) as here:
                fault = Corrupt("n1", "fsync-error")
                await here.run(sys.executable, "-c", STORED)
                await here.disk.corrupt(fault, 0.0)
                assert await here.run(sys.executable, "-c", FAILING) == ["Input/output error", "synced"]
                assert here.read("wal") == b"a" * 4096 + b"b" * 4096
                assert await here.disk.has_failed()
                await here.run("true")
                assert here.read("wal") == b"a" * 4096, "the second sync wrote what the first had left clean"
                await here.disk.restarts()
                assert here.shown == [Evidence(fault, 0.0, None, True, "n1: 1 failed sync")]

        trio.run(main)

    def test_pages_that_are_written_again_after_a_failed_sync_are_durable(self, tmp_path: Path) -> None:
        async def main() -> None:
            async with place(tmp_path) as here:
                again = FAILING.replace(
                    "    try:", '    os.pwrite(os.open("wal", os.O_WRONLY), b"b" * 4096, 4096)\n    try:'
                )
                await here.run(sys.executable, "-c", STORED)
                await here.disk.corrupt(Corrupt("n1", "fsync-error"), 0.0)
                assert await here.run(sys.executable, "-c", again) == ["Input/output error", "synced"]
                await here.lose()
                assert here.read("wal") == b"a" * 4096 + b"b" * 4096

        trio.run(main)

    def test_a_full_disk_refuses_what_makes_a_file_grow(self, tmp_path: Path) -> None:
        writes = """
import os, sys
os.chdir(sys.argv[1])
file = os.open("wal", os.O_WRONLY)
print(os.pwrite(file, b"over", 0))
try:
    os.pwrite(file, b"more", 4096)
except OSError as error:
    print(error.strerror)
"""

        async def main() -> None:
            async with place(tmp_path) as here:
                fault = Corrupt("n1", "full")
                await here.run(sys.executable, "-c", STORED)
                await here.disk.corrupt(fault, 0.0)
                assert await here.run(sys.executable, "-c", writes) == ["4", "No space left on device"]
                await here.disk.corrupt(Corrupt("n1", "full", undo=True), 0.0)
                assert here.shown == [Evidence(fault, 0.0, None, True, "n1: 1 refused write")]
                await here.run(sys.executable, "-c", FAILING)

        trio.run(main)

    def test_what_had_no_effect_says_so(self, tmp_path: Path) -> None:
        async def main() -> None:
            async with place(tmp_path) as here:
                assert "keeps no file" in await here.lose()
                await here.disk.corrupt(Corrupt("n1", "bit-flip"), 0.0)
                (here.data / "wal").write_text("by a process that is not seen, such as a service")
                assert "written by a process that was not started by it" in await here.lose()
                assert (here.data / "wal").exists()
                await here.disk.corrupt(Corrupt("n1", "full"), 0.0)
                await here.disk.corrupt(Corrupt("n1", "full", undo=True), 0.0)
                await here.disk.doom(TORN, 0.0)
                assert await here.disk.spare() is None
                assert [one.shown for one in here.shown] == [False] * 5

        trio.run(main)

    def test_a_kill_waits_for_written_bytes_that_are_not_synced(self, tmp_path: Path) -> None:
        async def main() -> None:
            async with place(tmp_path) as here:
                await here.disk.doom(TORN, 0.0)
                with pytest.raises(subprocess.CalledProcessError, match="SIGKILL"):
                    await here.run(sys.executable, "-c", STORED)
                assert await here.disk.spare() is not None
                assert "lost" in await here.lose(TORN)

        trio.run(main)
