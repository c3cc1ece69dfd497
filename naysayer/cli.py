"""The command line: what may be asked, and which file does it. Each command imports its own work only when it runs.

Exit codes everywhere: 0 valid or nothing found, 1 a violation, 2 unknown, 3 error (including bad arguments).
"""

from __future__ import annotations

from collections.abc import Sequence
from contextvars import copy_context
from dataclasses import replace
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from checker.errors import UsageError
from naysayer.contradictions import refuse_contradictions, refuse_hunt_contradictions
from naysayer.crash import RESULT_FOLDER
from naysayer.handing_out import ERROR, concluded, error_handed_out, said_of
from naysayer.options import RESULTS, CheckOptions, ExploreOptions, Faults, HuntOptions, Output, RunOptions
from naysayer.printable import complain

app = App(
    name="naysayer",
    help="Stress-test a replicated system, and explain the violation that it finds. Start with: naysayer list",
    version_flags=["--version"],
    help_format="plaintext",  # markdown would cost 40 ms at every start
    default_parameter=Parameter(negative=()),  # no --no-live beside --live
    suppress_keyboard_interrupt=False,  # run() reports it
)


def run(arguments: Sequence[str]) -> int:
    """Run one command; returns the exit code. Errors are one sentence on stderr, never a traceback."""
    context = copy_context()
    if list(arguments[:1]) == ["init"] and arguments[-1] == "--assignment":
        arguments = [*arguments, LIST]
    given = ["./-" if one == "-" else one for one in arguments]  # cyclopts would take it for an option
    try:
        code = context.run(app, given, exit_on_error=False, print_error=False, result_action="return_value")
    except BaseException as error:
        folder = context.get(RESULT_FOLDER)
        said = said_of(error, folder)
        if said is not None and not error_handed_out(arguments, said, folder):
            complain(said)
        return ERROR
    return code if isinstance(code, int) else 0


@app.command(name="test")
def run_test(target: str | None = None, /, *, options: RunOptions = RunOptions(), output: Output = Output()) -> int:
    """Run a target under load and faults, check what the clients saw, and report.

    Args:
        target: a name from `naysayer list`, such as quorum-kv or quorum-kv/no-read-repair; runs in the simulator
    """
    options = replace(options, target=target)
    refuse_contradictions(options)
    if options.host is not None:
        options = replace(options, target=f"host:{options.host}")
    if options.live or options.target is None:
        from naysayer.commands.backends import test_backend

        return concluded("test", output, lambda: test_backend(options))
    from naysayer.commands.test import test_simulated

    return concluded("test", output, lambda: test_simulated(options))


@app.command
def check(file: Path, /, *, options: CheckOptions = CheckOptions(), output: Output = Output()) -> int:
    """Judge a recorded history: JSON lines, files of Jepsen, Knossos, Elle and elle-cli, key-value logs.

    Args:
        file: the history, plain or gzip, or the folder of a run (of Jepsen's store or of results/)
    """
    if options.follow:
        from naysayer.commands.follow import follow_file

        return concluded("check", output, lambda: follow_file(file, options))
    from naysayer.commands.check import check_file

    return concluded("check", output, lambda: check_file(file, options))


@app.command
def hunt(target: str | None = None, /, *, options: HuntOptions = HuntOptions(), output: Output = Output()) -> int:
    """Search seeds for a failure, minimise it, and report it: in parallel in the simulator, one after the other with
    --live, --bin and --cluster, where a failure is reduced by repetition.

    Args:
        target: a name from `naysayer list`
    """
    asked = options
    refuse_hunt_contradictions(target, asked)
    if asked.host is not None:
        target = f"host:{asked.host}"
    if target is None or asked.live:
        from naysayer.commands.hunt_live import hunt_live

        return concluded("hunt", output, lambda: hunt_live(target, asked))
    from naysayer.commands.hunt import hunt_target
    from naysayer.hunt.campaign import Hunt
    from naysayer.hunt.shards import shard_of

    seeds = 1000 if asked.seeds is None and asked.time is None else asked.seeds
    ops = Hunt.operations if asked.ops is None else asked.ops
    shard = None if asked.shard is None else shard_of(asked.shard)
    sizes = (ops, asked.nodes, asked.workload, asked.nemesis, asked.clients, shard)
    wanted = Hunt(target, seeds, asked.time, asked.first_seed, *sizes)
    engine, workers, results = asked.engine, asked.workers, asked.results
    return concluded("hunt", output, lambda: hunt_target(wanted, engine=engine, workers=workers, results=results))


@app.command
def explore(
    target: str | None = None, /, *, options: ExploreOptions = ExploreOptions(), output: Output = Output()
) -> int:
    """Try every schedule of a small program in the simulator, breadth first: the shortest failure, or that there is
    none (docs/explore.md). Exit code 2: cut before all were tried.

    Args:
        target: a name from `naysayer list` that has registers, such as quorum-kv/no-read-repair; that of --from
            unless given
    """
    from naysayer.commands.explore import explore_target

    return concluded("explore", output, lambda: explore_target(target, options))


@app.command
def merge(*files: Path, output: Output = Output()) -> int:
    """Merge what the shards of one hunt have found, and say which shards are lacking.

    Args:
        files: what `naysayer hunt --shard I/N --json` printed, a file for each shard
    """
    from naysayer.commands.merge import merge_files

    return concluded("merge", output, lambda: merge_files(files))


@app.command
def replay(what: Path, /, *, output: Output = Output()) -> int:
    """Run a result again and confirm that the history is identical; or run a scenario that a hunt has found.

    Args:
        what: a result folder, such as results/quorum-kv/latest, or a scenario.toml
    """
    from naysayer.commands.replay import replay_result

    return concluded("replay", output, lambda: replay_result(what))


@app.command
def report(result: Path, /) -> int:
    """Make report.html of a result anew: the page that every run leaves beside report.txt. Results of earlier versions
    get one too.

    Args:
        result: a result folder, such as results/quorum-kv/latest
    """
    from naysayer.commands.report import report_result

    report_result(result)
    return 0


@app.command
def play(
    *scenarios: str,
    rewrite: bool = False,
    svg: Path | None = None,
    html: Path | None = None,
    output: Output = Output(),
) -> int:
    """Play scripted runs in the simulator, and compare what comes out with the output that they expect.

    Exit code 0: as expected; 1: not. A scenario without any output yet is judged by its verdicts.

    Args:
        scenarios: names of shipped scenarios, such as figure-8, or files; without any the shipped ones are listed
        rewrite: write the output of this time into the files
        svg: write the messages of the scenario as a picture to this file
        html: write a page of the scenario to this file: its steps, what came of them, and the picture
    """
    from naysayer.commands.play import list_scenarios
    from naysayer.commands.play import play as play_scenarios

    if scenarios:
        return concluded("play", output, lambda: play_scenarios(scenarios, rewrite=rewrite, svg=svg, html=html))
    if output.json or output.junit is not None:
        raise UsageError("--json and --junit need a scenario to play: name one, or a file")
    if svg is not None or html is not None:
        raise UsageError("--svg and --html need a scenario to play: name one, or a file")
    list_scenarios()
    return 0


@app.command
def node(
    target: str,
    /,
    *,
    id: str = "",
    listen: str = "",
    peers: str = "none",
    data: Path | None = None,
    seed: int = 0,
    stdio: bool = False,
) -> int:
    """Run one node of a target as a process: over TCP, or over stdin and stdout.

    Args:
        target: a name from `naysayer list`
        id: the node's own name, such as n1
        listen: host:port to listen on
        peers: the other nodes as n2=host:port,n3=host:port
        data: the folder that its log is kept in
        seed: for the node's own random choices
        stdio: speak Maelstrom's protocol instead of TCP
    """
    if stdio:
        for option, given in (("--id", id), ("--listen", listen), ("--peers", "" if peers == "none" else peers)):
            if given:
                raise UsageError(f"--stdio and {option} exclude each other: the init message names the node and others")
    from naysayer.commands.node import run_node

    return run_node(target, me=id, listen=listen, peers=peers, data=data, seed=seed, stdio=stdio)


@app.command
def serve(results: Path = RESULTS, /) -> int:
    """Show the runs in a results folder in the browser, their pages, and the explorer, which goes back in time in
    simulated runs. On this machine only, at an address with a token, until Ctrl-C.

    Args:
        results: the folder of the results
    """
    from naysayer.serve.serving import serve as serve_results

    return serve_results(results)


@app.command
def heal(cluster: Path, /) -> int:
    """Undo on the hosts of a cluster.toml what a lost run left: partitions, slow links, pauses, wrong clocks.

    Args:
        cluster: the cluster.toml of the run
    """
    from naysayer.commands.heal import heal as heal_hosts

    return heal_hosts(cluster)


@app.command
def doctor(cluster: Path, /, *, nemesis: Faults | None = None) -> int:
    """Check a cluster.toml before a run: hosts, clocks, what runs there, a read through every node. Only reads.

    With --nemesis (`none` too) more is tried, announced and undone: the system is started where it does not run, and
    stopped again; each fault's means are tried. What ran before is never changed, and gets no signal.

    Args:
        cluster: the cluster.toml
        nemesis: the faults to try, separated by commas; `none` only starts the system
    """
    from naysayer.commands.doctor import doctor as examine

    return examine(cluster, nemesis)


@app.command
def conform(*, host: str) -> int:
    """Check whether a host keeps to the node protocol (docs/node-protocol.md): best with the conform node of its kit.

    Args:
        host: the command of the host
    """
    from naysayer.commands.conform import conform as examine_host

    return examine_host(host)


LIST = "list"
"""The value of `init --assignment` that lists the assignments; also where it has none."""


@app.command
def init(
    file: Path | None = None,
    /,
    *,
    node: bool = False,
    compose: Path | None = None,
    lang: str | None = None,
    assignment: str | None = None,
) -> int:
    """Write what one begins with: a cluster.toml to fill in, a node, or an assignment's skeleton.

    Args:
        file: where to write: cluster.toml, node.py, or a folder called my-node or as the assignment, unless given
        node: a node; without --lang one in Python that speaks Maelstrom's protocol, for naysayer test --bin
        compose: a compose file; the cluster.toml names its containers and published ports
        lang: java, python, go or js: a folder with the kit of that language and a node for naysayer hunt --host
        assignment: a folder with the assignment's skeleton and a first test; without a value they are listed
    """
    if assignment == LIST:
        from naysayer.grade.command import list_packs

        return list_packs()
    if assignment is not None:
        if node or compose is not None:
            raise UsageError("--assignment and --node or --compose exclude each other")
        from naysayer.grade.start import init_assignment

        return init_assignment(file or Path(assignment), assignment, lang or "java")
    if lang is not None:
        if compose is not None or not node:
            raise UsageError("--lang is for a node or an assignment: give --node or --assignment NAME too")
        from naysayer.commands.init_node import init_node

        return init_node(file or Path("my-node"), lang)
    from naysayer.commands.init import init as write_file

    return write_file(file or Path("node.py" if node else "cluster.toml"), node=node, compose=compose)


@app.command
def grade(
    assignment: str | None = None,
    /,
    *,
    host: str | None = None,
    binary: Annotated[str | None, Parameter(name="--bin")] = None,
    build: str | None = None,
    all_: Annotated[Path | None, Parameter(name="--all")] = None,
    secret: Path | None = None,
    teacher: bool = False,
    results: Path = RESULTS,
) -> int:
    """Run the tests of an assignment against a program of your own, and count its points; without any name the
    assignments are listed.

    Exit code 0: all points; 1: fewer.

    Args:
        assignment: one that comes with Naysayer, such as quorum-store, or a folder with an assignment.toml
        host: a command that holds the nodes in virtual time: the same program always gets the same points
        binary: a command that speaks Maelstrom's protocol, in real time: not reproducible, and without hidden tests
        build: a command that compiles it first, such as "javac -d build *.java"
        all_: grade every folder in this folder, each a submission, and print one table
        secret: a file from which hidden tests follow, for teachers
        teacher: grade our own solution and its broken variants, and list the mistakes that the tests would miss
        results: where the result folder is made
    """
    from naysayer.grade.command import Asked, ended_by_sigterm, grade_all, grade_one, list_packs
    from naysayer.grade.teacher import grade_ours

    if assignment is None:
        return list_packs()
    if teacher:
        with ended_by_sigterm():
            return grade_ours(assignment)
    if (host is None) == (binary is None):
        raise UsageError("say what to grade: either --host COMMAND or --bin COMMAND")
    asked = Asked(host, binary, build, secret, results)
    with ended_by_sigterm():
        return grade_one(assignment, asked) if all_ is None else grade_all(assignment, all_, asked)


@app.command(name="list")
def list_(*, broken: bool = False) -> int:
    """Show targets, workloads, faults, models and formats, a line each.

    Args:
        broken: show the broken variants with the faults that expose them and the anomaly they show
    """
    from naysayer.commands.listing import list_all

    return list_all(broken=broken)
