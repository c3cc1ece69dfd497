"""Options that contradict each other. Each pair is refused by name before the run; no option is ignored silently."""

from __future__ import annotations

from checker.errors import UsageError
from naysayer.options import HuntOptions, RunOptions


def refuse_contradictions(options: RunOptions) -> None:
    """Raises UsageError for options of `naysayer test` that exclude each other, or that lack the one they need."""
    _one_system(options, "a run tests")
    _refuse_live(options)
    if options.client is not None and options.cluster is None:
        raise UsageError("--client needs --cluster cluster.toml, which names the nodes that it connects to")
    if options.faults_on_running and options.cluster is None:
        raise UsageError(
            "--allow-faults-on-running needs --cluster cluster.toml: every other system is started by the run"
        )
    _misplaced(options)
    if options.operations is not None and options.time_s is not None:
        raise UsageError("--ops and --time exclude each other: a run ends after a number of operations or after a time")
    if options.topology is not None and options.workload not in (None, "broadcast"):
        raise UsageError(f"--topology and --workload {options.workload} exclude each other: it is for broadcast only")


def _refuse_live(options: RunOptions) -> None:
    """--live is for targets."""
    if options.live and options.binary is not None:
        raise UsageError(
            "--live and --bin exclude each other: --live runs a bundled target as processes, and a program given with "
            "--bin always runs as processes"
        )
    if options.live and options.cluster is not None:
        raise UsageError(
            "--live and --cluster exclude each other: --live runs a bundled target on this machine, --cluster a system "
            "on its hosts"
        )
    if options.live and options.host is not None:
        raise UsageError(
            "--live and --host exclude each other: --host runs your nodes in the simulator's time; in real time they "
            "run with --bin and their option --stdio"
        )


def _misplaced(options: RunOptions) -> None:
    """Options that do not apply to the system under test."""
    runs = options.live or options.binary is not None or options.cluster is not None
    for name, given in (("rate", options.rate), ("availability", options.availability)):
        if given is not None and not runs:
            raise UsageError(f"--{name} is for real systems, not for the simulator: add --live, --bin or --cluster")
    if options.no_stop and not runs:
        raise UsageError("--no-stop is for real systems: a simulated run goes on after a violation anyway")
    if options.start_timeout_s is not None and options.binary is None and options.cluster is None:
        raise UsageError("--start-timeout is for programs and systems of yours: give --bin or --cluster")
    only_bin = {
        "topology": options.topology,
        "latency": options.latency_ms,
    }
    for name, value in only_bin.items():
        if value is not None and options.binary is None:
            raise UsageError(f"--{name} is for programs that speak Maelstrom's protocol: give one with --bin")


def refuse_hunt_contradictions(target: str | None, options: HuntOptions) -> None:
    """Raises UsageError for options of `naysayer hunt` that exclude each other."""
    asked = RunOptions(
        target=target, live=options.live, binary=options.binary, host=options.host, cluster=options.cluster
    )
    _one_system(asked, "a hunt is for")
    _refuse_live(asked)
    if options.seeds is not None and options.time is not None:
        raise UsageError("--seeds and --time exclude each other: a hunt ends after so many seeds, or after that time")
    if options.seeds is not None and options.seeds < 1:
        raise UsageError(f"--seeds is {options.seeds}; it must be at least 1")
    if options.client is not None and options.cluster is None:
        raise UsageError("--client needs --cluster cluster.toml, which names the nodes that it connects to")
    target = None if options.live else target or options.host
    if target is None and options.ops is not None:
        raise UsageError("--ops is for hunts in the simulator: each seed of a real system runs for up to 30 s")
    if target is None and options.shard is not None:
        raise UsageError("--shard is for hunts in the simulator: seeds of a real system run one after the other")
    if target is None and options.workers is not None:
        raise UsageError("--workers is for hunts in the simulator: seeds of a real system run one after the other")
    if target is None and options.engine != HuntOptions.engine:
        raise UsageError("--engine is for hunts in the simulator: seeds of a real system run one after the other")


def _one_system(options: RunOptions, what: str) -> None:
    """Exactly one system is given."""
    named = {
        f"the target {options.target}": options.target,
        "--bin": options.binary,
        "--host": options.host,
        "--cluster": options.cluster,
    }
    given = [name for name, value in named.items() if value is not None]
    if not given:
        wanted = "which target to run as processes" if options.live else "what to test"
        systems = "--host COMMAND, or --bin COMMAND, or --cluster cluster.toml"
        raise UsageError(f"say {wanted}: a target such as quorum-kv, or {systems}")
    if len(given) > 1:
        raise UsageError(f"{' and '.join(given)} exclude each other: {what} one system")
