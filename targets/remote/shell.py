"""A shell on a host: over SSH (paramiko, which blocks and therefore runs in worker threads) or on this machine."""

from __future__ import annotations

import socket
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import paramiko
import trio

from checker.errors import HarnessError, UsageError
from targets.remote.config import Ssh

OUTPUT_BYTES_MAX = 64 * 1024 * 1024


@dataclass(frozen=True)
class Outcome:
    """What a command did."""

    code: int
    out: str
    err: str


class Shell(Protocol):
    """Runs commands on one host, one at a time."""

    async def open(self) -> None: ...
    async def run(self, command: str, timeout_s: float = 30.0) -> Outcome: ...
    async def close(self) -> None: ...


class LocalShell:
    """This machine's own /bin/sh."""

    async def open(self) -> None:
        """Nothing to open."""

    async def run(self, command: str, timeout_s: float = 30.0) -> Outcome:
        with trio.move_on_after(timeout_s):
            done = await trio.run_process(
                ["/bin/sh", "-c", command],
                capture_stdout=True,
                capture_stderr=True,
                check=False,
                stdin=subprocess.DEVNULL,
            )
            return Outcome(
                done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")
            )
        raise HarnessError(f"a command did not end within {timeout_s:.0f} s: {command}")

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

    def _connect(self) -> None:
        client = self._new()
        if self._ssh.jump is None:
            # a socket of ours with TCP_NODELAY: without it some runs sit at 45 ms a command
            sock: object = socket.create_connection((self._host, self._port), timeout=self._ssh.connect_timeout_s)
            assert isinstance(sock, socket.socket)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        else:
            user, _, rest = self._ssh.jump.rpartition("@")
            host, _, port = rest.partition(":")
            self._jump = self._new()
            self._connect_one(self._jump, user or self._ssh.user, host, int(port or 22))
            transport = self._jump.get_transport()
            assert transport is not None
            sock = transport.open_channel("direct-tcpip", (self._host, self._port), ("127.0.0.1", 0))
        try:
            self._connect_one(client, self._ssh.user, self._host, self._port, sock)
        except BaseException:
            client.close()
            raise
        self._client = client

    async def open(self) -> None:
        """Log in. Raises UsageError (key or host key refused) or HarnessError (not reachable), naming the host."""
        try:
            await trio.to_thread.run_sync(self._connect)
        except paramiko.BadHostKeyException as error:
            raise UsageError(
                f"{self._host}: its host key is not the one in known_hosts; is it the right machine?"
            ) from error
        except paramiko.AuthenticationException as error:
            raise UsageError(
                f"{self._host}: SSH refused user {self._ssh.user}: {error}; check [ssh] key and user"
            ) from error
        except paramiko.SSHException as error:
            advice = "add its key to known_hosts (ssh-keyscan), or set accept_unknown_hosts"
            raise UsageError(f"{self._host}: {error}; {advice}") from error
        except (OSError, EOFError) as error:
            raise HarnessError(f"{self._host}:{self._port} cannot be reached over SSH: {error}") from error

    def _run(self, command: str, timeout_s: float) -> Outcome:
        assert self._client is not None
        _, out, err = self._client.exec_command(command, timeout=timeout_s)
        text = out.read(OUTPUT_BYTES_MAX).decode("utf-8", "replace")
        return Outcome(out.channel.recv_exit_status(), text, err.read(OUTPUT_BYTES_MAX).decode("utf-8", "replace"))

    async def run(self, command: str, timeout_s: float = 30.0) -> Outcome:
        async with self._lock:
            for attempt in (1, 2):
                if self._client is None:
                    await self.open()
                try:
                    return await trio.to_thread.run_sync(self._run, command, timeout_s, abandon_on_cancel=True)
                except TimeoutError as error:
                    await self.close()
                    raise HarnessError(f"{self._host}: no answer within {timeout_s:.0f} s to: {command}") from error
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
