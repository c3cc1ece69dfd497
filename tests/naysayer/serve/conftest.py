"""A results folder with some runs, and the server on it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import msgspec
import pytest

from tests.naysayer.serve.runs import make_runs


@dataclass(frozen=True)
class Server:
    """A server that runs."""

    root: Path
    address: str
    process: subprocess.Popen[str]

    def ask(self, path: str = "", content: Any = None, **headers: str) -> tuple[int, bytes, dict[str, str]]:
        """The status, the body and the headers (with names in lower case) of an answer."""
        body = None if content is None else msgspec.json.encode(content)
        try:
            with urlopen(Request(self.address + path, body, headers), timeout=60) as answer:
                return answer.status, answer.read(), {name.lower(): value for name, value in answer.headers.items()}
        except HTTPError as error:
            return error.code, error.read(), {name.lower(): value for name, value in error.headers.items()}

    def json(self, path: str, content: Any = None) -> Any:
        """The answer as JSON."""
        return msgspec.json.decode(self.ask(path, content)[1])


@contextmanager
def serving(root: Path) -> Iterator[Server]:
    """`naysayer serve` on a folder, as a user would start it; ended by Ctrl-C, if it has not ended by itself."""
    with subprocess.Popen(
        [sys.executable, "-m", "naysayer", "serve", str(root)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "COLUMNS": "200", "PYTHONUNBUFFERED": "1"},
    ) as process:
        try:
            yield Server(root, _address(process), process)
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(30)
            finally:
                process.kill()
    assert process.returncode == 0


def _address(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line)
        if line.startswith("open "):
            return line.split()[1]
    raise AssertionError("".join(said))


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    root = tmp_path_factory.mktemp("serve") / "results"
    make_runs(root)
    with serving(root) as found:
        yield found
