"""Hosts of our own for a test: network namespaces on one bridge, each with a real sshd (see clusters.md's recipe).

Everything is made for one test and removed after it. Nothing can leave: the addresses are unreachable elsewhere.
"""

from __future__ import annotations

import fcntl
import getpass
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

NETWORK = "10.77.0"


def missing() -> list[str]:
    """What this machine lacks to make hosts; empty if nothing."""
    lacking = [name for name in ("ip", "iptables", "unshare", "ssh-keygen") if shutil.which(name) is None]
    if not Path("/usr/sbin/sshd").exists():
        lacking.append("sshd (openssh-server)")
    if os.geteuid() != 0:
        lacking.append("root")
    return lacking


@dataclass(frozen=True)
class Hosts:
    """Running hosts n1, n2, ... at 10.77.0.1, 2, ...; log in as root with `key`, host keys in `known_hosts`."""

    addresses: dict[str, str]
    key: Path
    known_hosts: Path
    directory: Path

    def vanish(self, name: str) -> None:
        """Take a host off the network, as if somebody pulled its cable."""
        _run("ip", "-n", "ny-sw", "link", "set", f"p-{name}", "down")

    def inside(self, name: str, *words: str) -> str:
        """What a command prints in a host's network namespace, asked without SSH."""
        said = subprocess.run(["ip", "netns", "exec", f"ny-{name}", *words], check=True, capture_output=True, text=True)
        return said.stdout


def _run(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True)


def _await_port(address: str, port: int) -> None:
    """Return when somebody listens there. Each refused attempt takes a round trip, so this is no hot loop for long."""
    until = time.monotonic() + 10
    while True:
        try:
            socket.create_connection((address, port), timeout=1).close()
            return
        except OSError:
            if time.monotonic() > until:
                raise


def _clear(names: list[str]) -> None:
    for name in ("ny-sw", *(f"ny-{host}" for host in names)):
        subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)
    subprocess.run(["ip", "link", "del", "ny-up"], check=False, capture_output=True)
    subprocess.run(["ip", "route", "del", "unreachable", f"{NETWORK}.0/24"], check=False, capture_output=True)


@contextmanager
def hosts(
    count: int, directory: Path, *, without: Sequence[str] = (), instead: Mapping[str, str] | None = None
) -> Iterator[Hosts]:
    """Make `count` hosts; the machine itself is 10.77.0.254 on the same bridge.

    The hosts have this machine's programs on their PATH, but not those named in `without`, and the scripts `instead`.
    """
    with (Path(tempfile.gettempdir()) / "naysayer-hosts.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the names of namespaces and addresses are this machine's only ones
        _programs(directory / "bin", {*without, *(instead or {})}, instead or {})
        yield from _made(count, directory)


def _programs(folder: Path, without: set[str], instead: Mapping[str, str]) -> None:
    """A folder of links to programs, to be a host's PATH."""
    folder.mkdir()
    for place in ("/usr/sbin", "/usr/bin", "/sbin", "/bin"):
        for program in Path(place).iterdir():
            link = folder / program.name
            if program.name not in without and not link.is_symlink():
                link.symlink_to(program)
    for name, script in instead.items():
        (folder / name).write_text(script)
        (folder / name).chmod(0o755)


def _made(count: int, directory: Path) -> Iterator[Hosts]:
    names = [f"n{i + 1}" for i in range(count)]
    running: list[subprocess.Popen[bytes]] = []
    _clear(names)
    try:
        _run("ip", "route", "add", "unreachable", f"{NETWORK}.0/24", "metric", "4000")
        _run("ip", "netns", "add", "ny-sw")
        _run("ip", "-n", "ny-sw", "link", "add", "br0", "type", "bridge")
        _run("ip", "-n", "ny-sw", "link", "set", "br0", "up")
        _run("ip", "link", "add", "ny-up", "type", "veth", "peer", "name", "machine", "netns", "ny-sw")
        _run("ip", "-n", "ny-sw", "link", "set", "machine", "master", "br0", "up")
        _run("ip", "addr", "add", f"{NETWORK}.254/24", "dev", "ny-up")
        _run("ip", "link", "set", "ny-up", "up")
        key = directory / "id"
        _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key))
        (directory / "authorized").write_text((directory / "id.pub").read_text())
        Path("/run/sshd").mkdir(exist_ok=True)
        known = []
        for number, name in enumerate(names, 1):
            known.append(_host(directory, name, f"{NETWORK}.{number}", running))
        known_hosts = directory / "known_hosts"
        known_hosts.write_text("".join(known))
        for number in range(1, count + 1):
            _await_port(f"{NETWORK}.{number}", 22)
        yield Hosts({name: f"{NETWORK}.{i + 1}" for i, name in enumerate(names)}, key, known_hosts, directory)
    finally:
        for process in running:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
        _clear(names)


def _host(directory: Path, name: str, address: str, running: list[subprocess.Popen[bytes]]) -> str:
    """One namespace with its sshd; returns its line for known_hosts."""
    space = f"ny-{name}"
    _run("ip", "netns", "add", space)
    _run("ip", "-n", "ny-sw", "link", "add", f"p-{name}", "type", "veth", "peer", "name", "eth0", "netns", space)
    _run("ip", "-n", "ny-sw", "link", "set", f"p-{name}", "master", "br0", "up")
    _run("ip", "-n", space, "addr", "add", f"{address}/24", "dev", "eth0")
    _run("ip", "-n", space, "link", "set", "eth0", "up")
    _run("ip", "-n", space, "link", "set", "lo", "up")
    host_key = directory / f"{name}-key"
    _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(host_key))
    home = directory / name
    home.mkdir()
    passwd = directory / f"{name}-passwd"
    passwd.write_text(f"{getpass.getuser()}:x:0:0::{home}:/bin/sh\nsshd:x:105:65534::/run/sshd:/usr/sbin/nologin\n")
    config = directory / f"{name}.conf"
    config.write_text(
        f"ListenAddress {address}\nPort 22\nHostKey {host_key}\nPidFile none\nStrictModes no\nUsePAM no\nUseDNS no\n"
        f"AuthorizedKeysFile {directory / 'authorized'}\nPasswordAuthentication no\nMaxStartups 100\n"
        f"AllowTcpForwarding yes\nPermitRootLogin yes\nSetEnv PATH={directory / 'bin'}\n"
    )
    mounts = f"mount --bind {passwd} /etc/passwd; mount -t tmpfs shm /dev/shm"
    script = f"{mounts}; hostname {name}; exec /usr/sbin/sshd -D -e -f {config}"
    unshare = ["unshare", "-u", "-m", "-p", "-f", "--kill-child", "--mount-proc", "--propagation", "private"]
    with (directory / f"{name}-sshd.log").open("wb") as log:
        running.append(
            subprocess.Popen(
                ["ip", "netns", "exec", space, *unshare, "sh", "-c", script],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
            )
        )
    kind, public = Path(f"{host_key}.pub").read_text().split()[:2]
    return f"{address} {kind} {public}\n"
