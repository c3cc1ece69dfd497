"""The services of examples/: a copy of a folder with ports and data of its own; its servers are stopped at the end."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.naysayer.test_guide import free_port

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"


class Service:
    """The copy of examples/NAME. `file` is its cluster.toml; `ports` are in place of those that it names."""

    def __init__(self, name: str, fixed: tuple[int, ...], folder: Path) -> None:
        self.folder = folder / name
        shutil.copytree(EXAMPLES / name, self.folder)
        self.file = self.folder / "cluster.toml"
        self.ports = [free_port() for _ in fixed]
        text = self.file.read_text().replace(f"/tmp/naysayer-{name}", f"{folder}/data")
        for port, free in zip(fixed, self.ports, strict=True):
            text = re.sub(rf"\b{port}\b", str(free), text)
        self.file.write_text(text)

    def changed(self, old: str, new: str) -> Path:
        """Another cluster.toml beside it."""
        text = self.file.read_text()
        assert old in text
        other = self.folder / "other.toml"
        other.write_text(text.replace(old, new))
        return other

    def command(self, name: str) -> None:
        """Carry out one of [commands] for every node: install, start, or stop."""
        config = tomllib.loads(self.file.read_text())
        for node, values in config["nodes"].items():
            command = config["commands"][name].replace("{node}", node)
            for variable, value in values.items():
                command = command.replace(f"{{{variable}}}", str(value))
            subprocess.run(["sh", "-c", command], check=name != "stop", cwd=self.folder)


@contextmanager
def service(name: str, *fixed: int) -> Iterator[Service]:
    """A copy of examples/NAME, which names the ports `fixed`, in a folder that the user of a server may enter."""
    folder = Path(tempfile.mkdtemp(prefix=f"naysayer-{name}-"))
    folder.chmod(0o777)
    made = Service(name, fixed, folder)
    try:
        yield made
    finally:
        made.command("stop")
        shutil.rmtree(folder)
