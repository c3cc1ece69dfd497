#!/usr/bin/env python3
"""A container engine for tests: docker's command line as far as Naysayer uses it. A container is a process of this
machine, described by NAME.json in the folder STUB_ENGINE, with its command, published ports and networks."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

FOLDER = Path(os.environ["STUB_ENGINE"])


def out(text):
    sys.stdout.write(f"{text}\n")


def load(name):
    file = FOLDER / f"{name}.json"
    if not file.exists():
        sys.exit(f"Error: No such container: {name}")
    return json.loads(file.read_text())


def save(name, one):
    (temporary := FOLDER / f".{name}.{os.getpid()}").write_text(json.dumps(one))
    temporary.replace(FOLDER / f"{name}.json")


def state_of(one):
    """As /proc has it; what ended is reaped by nobody, so a zombie has exited."""
    try:
        letter = Path(f"/proc/{one['pid']}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, KeyError):
        return "exited" if "pid" in one else "created"
    return "exited" if letter in "ZX" else "paused" if letter in "Tt" else "running"


def inspect(name):
    one = load(name)
    state = state_of(one)
    ports = {"80/tcp": [{"HostIp": "", "HostPort": str(port)} for port in one["ports"]]}
    places = {
        network: {"Aliases": aliases, "IPAddress": "10.0.0.9", "IPAMConfig": None}
        for network, aliases in one["networks"].items()
    }
    out(
        json.dumps(
            [
                {
                    "State": {
                        "Status": state,
                        "Running": state in ("running", "paused"),
                        "Paused": state == "paused",
                        "ExitCode": 137 if state == "exited" else 0,
                    },
                    "NetworkSettings": {"Networks": places},
                    "HostConfig": {"NetworkMode": one.get("mode", "app"), "PortBindings": ports},
                }
            ]
        )
    )


def start(name):
    one = load(name)
    with (FOLDER / f"{name}.log").open("ab") as log:
        process = subprocess.Popen(
            one["command"], stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, cwd=FOLDER
        )
    save(name, one | {"pid": process.pid})


def send(name, number, *states):
    one = load(name)
    if (state := state_of(one)) not in states:
        sys.exit(f"Error: container {name} is {state}")
    os.kill(one["pid"], number)
    for _ in range(500):
        if state_of(one) != state or number in (signal.SIGSTOP, signal.SIGCONT):
            return
        time.sleep(0.01)


def main(words):
    with (FOLDER / "commands").open("a") as log:
        log.write(" ".join(words) + "\n")
    match words:
        case ["container", "inspect", name]:
            inspect(name)
        case ["start", name]:
            start(name)
        case ["kill", name]:
            send(name, signal.SIGKILL, "running")
        case ["stop", "--time", _, name]:
            if state_of(load(name)) == "running":
                send(name, signal.SIGKILL, "running")
        case ["pause", name]:
            send(name, signal.SIGSTOP, "running")
        case ["unpause", name]:
            send(name, signal.SIGCONT, "paused")
        case ["exec", name, *command]:
            if state_of(load(name)) != "running":
                sys.exit(f"Error: container {name} is not running")
            os.execvp(command[0], command)
        case ["logs", "--tail", count, name]:
            lines = (FOLDER / f"{name}.log").read_text().splitlines() if (FOLDER / f"{name}.log").exists() else []
            out("\n".join(lines[-int(count) :]))
        case ["network", "disconnect", network, name]:
            one = load(name)
            if network not in one["networks"]:
                sys.exit(f"Error: container {name} is not connected to network {network}")
            del one["networks"][network]
            save(name, one)
        case ["network", "connect", *options, network, name]:
            one = load(name)
            if "--ip" in options:
                sys.exit("Error: an address can only be chosen in networks with configured subnets")
            save(name, one | {"networks": one["networks"] | {network: options[1::2]}})
        case _:
            sys.exit(f"unknown command: {words}")


main(sys.argv[1:])
