"""A shell on a host: over SSH (paramiko, which blocks and therefore runs in worker threads) or on this machine."""

from __future__ import annotations

import logging
import shlex
import socket
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import paramiko
import trio

from checker.errors import HarnessError, UsageError
from targets.backends.hosts.config import Ssh

logging.getLogger("paramiko").addHandler(logging.NullHandler())  # else it prints the tracebacks of errors we handle

OUTPUT_BYTES_MAX = 64 * 1024 * 1024


@dataclass(frozen=True)
class Outcome:
    """What a command did."""

    code: int
    out: str
    err: str


class EndlessError(HarnessError):
    """A command did not end within its time."""


class Shell(Protocol):
    """Runs commands on one host, one at a time."""

    async def open(self) -> None: ...
    async def run(self, command: str, timeout_s: float = 30.0) -> Outcome: ...
    async def close(self) -> None: ...


async def local(words: Sequence[str], timeout_s: float) -> Outcome | None:
    """Run a program on this machine; None if it does not end in time. Raises OSError if there is none."""
    with trio.move_on_after(timeout_s):
        done = await trio.run_process(
            words, capture_stdout=True, capture_stderr=True, check=False, stdin=subprocess.DEVNULL
        )
        return Outcome(done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace"))
    return None


class LocalShell:
    """This machine's own /bin/sh."""

    async def open(self) -> None:
        """Nothing to open."""

    async def run(self, command: str, timeout_s: float = 30.0) -> Outcome:
        done = await local(["/bin/sh", "-c", command], timeout_s)
        if done is None:
            raise EndlessError(f"no end within {timeout_s:.0f} s of: {command}")
        return done

    async def close(self) -> None:
        """Nothing to close."""


class SshShell:
    """A host over SSH. Host keys are checked against known_hosts; a connection that broke is made again once."""

    def __init__(self, host: str, ssh: Ssh, port: int | None = None) -> None:
        self._host = host
        self._ssh = ssh
        self._port = port or ssh.port
        self._client: paramiko.SSHClient | None = None
        self._jump: paramiko.SSHClient | None = None
        self._lock = trio.Lock()
        self._where = host
        """Whom we are logging into: the host, or the jump host on the way."""

    def _new(self) -> paramiko.SSHClient:
        client = paramiko.SSHClient()
        if self._ssh.known_hosts is None:
            client.load_system_host_keys()
        else:
            client.load_host_keys(str(Path(self._ssh.known_hosts).expanduser()))
        policy = paramiko.AutoAddPolicy if self._ssh.accept_unknown_hosts else paramiko.RejectPolicy
        client.set_missing_host_key_policy(policy())
        return client

    def _connect_one(self, client: paramiko.SSHClient, user: str, host: str, port: int, sock: object = None) -> None:
        client.connect(
            host,
            port=port,
            username=user,
            key_filename=None if self._ssh.key is None else str(Path(self._ssh.key).expanduser()),
            sock=sock,  # type: ignore[arg-type]
            timeout=self._ssh.connect_timeout_s,
            banner_timeout=self._ssh.connect_timeout_s,
            auth_timeout=self._ssh.connect_timeout_s,
            allow_agent=self._ssh.key is None,
            look_for_keys=self._ssh.key is None,
        )

    def _socket(self, host: str, port: int) -> socket.socket:
        limit_s = self._ssh.connect_timeout_s
        made = socket.create_connection((host, port), timeout=limit_s)
        # without it some runs sit at 45 ms a command
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # a host that vanished is noticed after this long, not when the kernel has tried for a quarter of an hour
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(limit_s * 1000))
        return made

    def _connect(self) -> None:
        client = self._new()
        sock: object
        if self._ssh.jump is None:
            sock = self._socket(self._host, self._port)
        else:
            user, _, rest = self._ssh.jump.rpartition("@")
            host, _, port = rest.partition(":")
            self._jump = self._new()
            self._where = f"jump host {host}"
            self._connect_one(
                self._jump, user or self._ssh.user, host, int(port or 22), self._socket(host, int(port or 22))
            )
            self._where = self._host
            transport = self._jump.get_transport()
            assert transport is not None
            to = (self._host, self._port)
            sock = transport.open_channel("direct-tcpip", to, ("127.0.0.1", 0), timeout=self._ssh.connect_timeout_s)
        try:
            self._connect_one(client, self._ssh.user, self._host, self._port, sock)
        except BaseException:
            client.close()
            raise
        self._client = client

    async def open(self) -> None:
        """Log in. Raises UsageError (key or host key refused) or HarnessError (not reachable), naming the host."""
        for what, file in (("key", self._ssh.key), ("known_hosts", self._ssh.known_hosts)):
            if file is not None and not Path(file).expanduser().is_file():
                raise UsageError(f"{self._where}: there is no file {file}, which [ssh] {what} in cluster.toml names")
        try:
            await trio.to_thread.run_sync(self._connect)
        except paramiko.BadHostKeyException as error:
            raise UsageError(
                f"{self._where}: its host key is not the one in known_hosts; is it the right machine? If it was set up "
                f"anew, remove the old key: ssh-keygen -R {error.hostname}"
            ) from error
        except paramiko.AuthenticationException as error:
            raise UsageError(
                f"{self._where}: SSH refused user {self._ssh.user}: {error}; check [ssh] key and user"
            ) from error
        except paramiko.ChannelException as error:
            raise HarnessError(
                f"{self._host}:{self._port} cannot be reached from jump host {self._ssh.jump}: {error.text}"
            ) from error
        except paramiko.SSHException as error:
            if "known_hosts" in str(error):
                advice = "check its key and add it to known_hosts (ssh-keyscan), or set accept_unknown_hosts"
                raise UsageError(f"{self._where}: {error}; {advice}") from error
            raise HarnessError(f"{self._where}: no SSH session: {error}") from error
        except (OSError, EOFError) as error:
            raise HarnessError(f"{self._where}:{self._port} cannot be reached over SSH: {error}") from error

    def _run(self, command: str, timeout_s: float) -> Outcome:
        assert self._client is not None
        if self._ssh.sudo:
            command = f'sudo -n env SSH_CONNECTION="$SSH_CONNECTION" /bin/sh -c {shlex.quote(command)}'
        _, out, err = self._client.exec_command(command, timeout=timeout_s)
        text = out.read(OUTPUT_BYTES_MAX).decode("utf-8", "replace")
        return Outcome(out.channel.recv_exit_status(), text, err.read(OUTPUT_BYTES_MAX).decode("utf-8", "replace"))

    async def run(self, command: str, timeout_s: float = 30.0) -> Outcome:
        async with self._lock:
            for attempt in (1, 2):
                if self._client is None:
                    await self.open()
                try:
                    with trio.move_on_after(timeout_s):
                        return await trio.to_thread.run_sync(self._run, command, timeout_s, abandon_on_cancel=True)
                    raise TimeoutError
                except TimeoutError as error:
                    await self.close()
                    raise EndlessError(f"{self._host}: no end within {timeout_s:.0f} s of: {command}") from error
                except (paramiko.SSHException, OSError, EOFError) as error:
                    await self.close()
                    if attempt == 2:
                        raise HarnessError(f"{self._host}: the SSH connection broke: {error}") from error
        raise AssertionError("unreachable")

    async def close(self) -> None:
        """Log out."""
        for client in (self._client, self._jump):
            if client is not None:
                with suppress(OSError):
                    client.close()
        self._client = self._jump = None
