"""One seed of one test against a target, and what it came to: a function of the seed, the test and the target.

What a seed draws depends on the assignment and not on the submission: all are given the same load and faults.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator, Sequence
from random import Random

import msgspec
from msgspec.structs import replace

from naysayer.grade.pack import Assignment, Trial
from naysayer.hunt.failure import kind
from naysayer.hunt.swarm import NODES, PATIENCE, THINK_MS, subset
from naysayer.judge import enough, judge_run
from naysayer.plan import Plan
from naysayer.play import timed
from naysayer.recorder import Recorder
from naysayer.report.build import seen_in
from naysayer.simulate import Run, Simulation
from nemesis import named as named_faults
from targets.backends.simulator import SimulatedCluster
from targets.registry import find as find_target
from workloads.registry import find as find_workload

STEPS = 200_000
"""What the search may spend on each key of one seed."""

CLIENTS = (3, 5, 8)
BATCH = 12
"""So many seeds in a row have a host process of their own: what a program keeps in static variables, by mistake, has
the same past in every grading."""


class Outcome(msgspec.Struct, frozen=True):
    """What one seed came to. `hidden`: the seed follows from the teacher's secret, and is not shown."""

    test: str
    seed: int
    hidden: bool
    outcome: str
    """valid, invalid or unknown; error: it could not be run."""
    kind: str = ""
    """How it failed, in a few words."""
    sentence: str = ""
    holds: tuple[str, ...] = ()
    """Of a failure: the weaker models that its history satisfies."""
    ok: int = 0
    operations: int = 0


def hidden_seed(secret: bytes, assignment: str, test: str, number: int) -> int:
    """A seed that nobody knows who does not know the secret."""
    message = f"{assignment}/{test}/{number}".encode()
    return int.from_bytes(hmac.new(secret, message, hashlib.sha256).digest()[:7])


def seeds_of(assignment: Assignment, one: Trial, secret: bytes | None) -> list[tuple[int, bool]]:
    """The seeds of a test, in order, and whether each is hidden; a scenario has its own."""
    if one.scenario is not None:
        return [(0, False)]
    hidden = one.hidden if secret is not None else 0
    drawn = [hidden_seed(secret or b"", assignment.name, one.name, number) for number in range(hidden)]
    return [*((seed, False) for seed in range(1, one.seeds + 1)), *((seed, True) for seed in drawn)]


def batches(assignment: Assignment, secret: bytes | None) -> Iterator[tuple[Trial, list[tuple[int, bool]]]]:
    """The seeds of all tests, in order, in parts that are run one after the other on a fresh host."""
    for one in assignment.test:
        seeds = seeds_of(assignment, one, secret)
        for first in range(0, len(seeds), BATCH):
            yield one, seeds[first : first + BATCH]


def plan_of(assignment: Assignment, one: Trial, seed: int, target: str) -> Plan:
    """The plan of a seed of a hunt."""
    found = find_target(target)
    random = Random(f"{seed} grade {assignment.name} {one.name}")
    nodes = one.nodes or (1 if found.nodes == 1 else random.choice(NODES))
    workload = random.choice(workloads_of(one, target))
    pool = [name for name in one.faults if _fits(name, nodes, target)]
    return Plan(
        target=target,
        workload=workload,
        nemesis=subset(pool, random),
        nodes=nodes,
        clients=random.choice(CLIENTS),
        seed=seed,
        operations=one.operations,
        think_ms=random.choice(THINK_MS),
        timeout_ms=found.timeout_ms * (1.0 if not one.faults else random.choice(PATIENCE)),
    )


def workloads_of(one: Trial, target: str) -> list[str]:
    """The workloads of a test of which the target offers all operations; a program of a user's is asked for all."""
    offered = find_target(target).operations
    return [name for name in one.workloads if find_workload(name).operations <= offered]


def applies(one: Trial, target: str) -> bool:
    """Whether a target of ours offers what a test asks for."""
    return one.scenario is not None or bool(workloads_of(one, target))


def _fits(name: str, nodes: int, target: str) -> bool:
    found = named_faults.find(name)
    commands = find_target(target).commands
    faults = (SimulatedCluster.faults - {"reconfigure", "transfer"}) | commands
    return found.nodes <= nodes and found.needs <= faults | {"leader"}


def run_seed(assignment: Assignment, one: Trial, seed: int, target: str) -> tuple[Run, str]:
    """The run of a seed, and its workload."""
    scenario = assignment.scenario(one, target)
    if scenario is not None:
        return timed.rerun(scenario), scenario.workload
    plan = plan_of(assignment, one, seed, target)
    return Simulation(plan, Recorder()).run(), plan.workload


def try_seed(assignment: Assignment, one: Trial, seed: int, hidden: bool, target: str) -> Outcome:
    """Run one seed and judge it."""
    run, workload = run_seed(assignment, one, seed, target)
    model = find_workload(workload).model
    seen = seen_in(run.recorder, model)
    found = Outcome(one.name, seed, hidden, "error", ok=seen.total.ok, operations=seen.total.all)
    if run.error is not None:
        return replace(found, kind="error", sentence=run.error)
    verdict = judge_run(run, model, steps=STEPS, weaker=bool(one.credit))
    if one.scenario is None:
        verdict = enough(verdict, seen)
    worst = verdict.worst
    if verdict.outcome != "invalid":
        reason = "" if worst is None or worst.reason is None else worst.reason
        return replace(found, outcome=verdict.outcome, sentence=reason)
    explanation = None if worst is None else worst.explanation
    sentence = "" if explanation is None else explanation.sentence
    holds = () if run.findings or run.violations else tuple(rung.name for rung in verdict.ladder if rung.holds)
    return replace(found, outcome="invalid", kind=kind(run, verdict), sentence=sentence, holds=holds)


def try_batch(assignment: Assignment, one: Trial, seeds: Sequence[tuple[int, bool]], target: str) -> list[Outcome]:
    """Run seeds one after the other, on a host that has seen none before."""
    from targets.backends.host.process import end_hosts

    end_hosts()
    return [try_seed(assignment, one, seed, hidden, target) for seed, hidden in seeds]
