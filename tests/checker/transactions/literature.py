"""Small histories with the levels that they have by the literature, in a notation of their own.

One transaction a line: `p0` runs it (the ones of a process one after another; else each has a process of its own), then
micro-operations `f key value` without spaces: w write, a append, r read; `rx` reads nothing, `ra1.2` the list [1, 2].
`!` at the end: it failed; `?`: its outcome is unknown. Those of a process overlap all others of their turn.

`holds` are the strongest levels that a history has; real time is left to the twin.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from checker.history import PENDING, Operation, Status

SER = "strong-session-serializable"
SI = "strong-session-snapshot-isolation"
CAUSAL = "causal"
RC = ("monotonic-reads", "monotonic-writes", "writes-follow-reads", "read-your-writes")
"""Read committed with all session guarantees, which only causal and read atomic lack."""


@dataclass(frozen=True)
class Case:
    """A history, where it is from, and the strongest levels that it has."""

    name: str
    source: str
    text: str
    holds: tuple[str, ...]

    @property
    def lists(self) -> bool:
        return any(word[0] == "a" for word in self.text.split())

    @property
    def model(self) -> str:
        return "txn-list-append" if self.lists else "txn-rw-register"

    def operations(self) -> list[Operation]:
        turns: dict[int, int] = {}
        found = []
        for index, line in enumerate(self.text.strip().splitlines()):
            words = line.split()
            process = int(words.pop(0)[1:]) if words[0][0] == "p" else 100 + index
            status: Status = "ok"
            if words[-1] in "!?":
                status = "fail" if words.pop() == "!" else "info"
            turn = turns[process] = turns.get(process, -1) + 1
            call = 1000 * turn + index
            ret = PENDING if status == "info" else call + 500
            steps = [self._step(word) for word in words if word != "-"]
            asked = [[f, key, None if f == "r" else value] for f, key, value in steps]
            found.append((call, process, asked, steps if status == "ok" else None, ret, status))
        found.sort(key=lambda one: one[0])
        return [
            Operation(index, process, "txn", None, asked, done, call, ret, status)
            for index, (call, process, asked, done, ret, status) in enumerate(found)
        ]

    def _step(self, word: str) -> list[Any]:
        f, key, rest = word[0], word[1], word[2:]
        if f == "r" and self.lists:
            return ["r", key, [int(one) for one in rest.split(".")] if rest else None]
        return [{"w": "w", "a": "append", "r": "r"}[f], key, int(rest) if rest else None]


ADYA, THESIS = "Adya, Liskov, O'Neil: Generalized Isolation Level Definitions, ICDE 2000", "Adya 1999"
BERENSON = "Berenson et al.: A Critique of ANSI SQL Isolation Levels, SIGMOD 1995"
BISWAS, TERRY = "Biswas, Enea, OOPSLA 2019", "Terry et al., PDIS 1994"
ELLE, PLUME, HERMITAGE = "Kingsbury, Alvaro: Elle, VLDB 2020", "Liu et al.: Plume, OOPSLA 2024", "Kleppmann: Hermitage"
CERONE, FEKETE = "Cerone, Gotsman, JACM 2018", "Fekete, O'Neil, O'Neil, SIGMOD Record 2004"
CROOKS, ODD = "Crooks et al.: Seeing is Believing, PODC 2017", "odd but legal"

CASES = (
    Case("serial", ADYA, "wz1 wx1 wy1\nrx1 wy2\nwx3 ry2 wz3", (SER,)),
    Case("H1: sum of a transfer half done", BERENSON, "rx wx1 ry wy9\nrx1 ry", ("PL-2",)),
    Case("H1 with the reads the other way round", BERENSON, "rx wx1 ry wy9\nry rx1", RC),
    Case("H2: fuzzy read", BERENSON, "rx wx1 ry wy9\nrx ry9", RC),
    Case("H1': the dirty reads of this one are serializable", ADYA, "rx wx1 ry wy9\nrx1 ry9", (SER,)),
    Case("H2': reads before the writes", ADYA, "rx ry\nrx wx1 ry wy9", (SER,)),
    Case("write cycle (G0)", ADYA, "ax1 ay1\nax2 ay2\nrx1.2 ry2.1", ()),
    Case("aborted read (G1a)", ADYA, "wx1 !\nrx1", ("read-uncommitted",)),
    Case("intermediate read (G1b)", ADYA, "wx1 wx2\nrx1", ("read-uncommitted",)),
    Case("circular information flow (G1c)", ADYA, "wx1 ry2\nwy2 rx1", ("read-uncommitted",)),
    Case("aborted read of a list", ADYA, "ax1 !\nrx1", ("read-uncommitted",)),
    Case("intermediate read of a list", ADYA, "ax1 ax2\nrx1\nrx1.2", ("read-uncommitted",)),
    Case("circular information flow of lists", ADYA, "ax1 ry2\nay2 rx1", ("read-uncommitted",)),
    Case("write skew (A5B)", BERENSON, "rx ry wx1\nrx ry wy2", (SI,)),
    Case("read skew (A5A)", BERENSON, "rx ry1\nwx1 wy1", RC),
    Case("lost update (P4)", BERENSON, "rx wx1\nrx wx2", (CAUSAL,)),
    Case("lost update of a list", BERENSON, "rx ax1\nrx ax2\nrx1.2", (CAUSAL,)),
    Case("lost update of a later version", BERENSON, "wx1\nrx1 wx2\nrx1 wx3", (CAUSAL,)),
    Case("read committed against a session", BISWAS, "p0 wx1\np0 wx2 wy2\np1 ry2 rx1", ("serializable",)),
    Case("fractured read", BISWAS, "p0 wx8 wy8\np0 wx1 wy1\np1 rx8 ry1", RC),
    Case(
        "causality through one transaction",
        BISWAS,
        "p0 wx1\np1 rx1 wy1\np2 ry1 rx",
        ("read-atomic", "monotonic-reads", "monotonic-writes"),
    ),
    Case(
        "causality through two transactions",
        BISWAS,
        "p0 wx1\np1 rx1 wy1\np2 ry1 wz1\np3 rz1 rx",
        ("read-atomic", "monotonic-reads", "monotonic-writes", "writes-follow-reads"),
    ),
    Case("long fork", CERONE, "wx1\nwy1\nrx1 ry\nrx ry1", (CAUSAL,)),
    Case("long fork of lists", CERONE, "ax1\nay1\nrx1 ry\nrx ry1", (CAUSAL,)),
    Case(
        "long fork by four sessions", CERONE, "p0 wx1\np1 wy1\np2 rx1\np2 ry\np3 ry1\np3 rx", (CAUSAL, "serializable")
    ),
    Case("a write skew that also writes one key", CERONE, "rx wy1 wz1\nry wx1 wz2", (CAUSAL,)),
    Case("write skew over three keys", CERONE, "rx wy1\nry wz1\nrz wx1", (SI,)),
    Case("read-only anomaly", FEKETE, "rx ry wx1\nry wy2\nrx ry2", (SI,)),
    Case("the same without the reader", FEKETE, "rx ry wx1\nry wy2", (SER,)),
    Case(
        "monotonic writes",
        TERRY,
        "p0 wx1\np0 wy1\np1 ry1 rx",
        ("read-atomic", "monotonic-reads", "writes-follow-reads", "serializable"),
    ),
    Case(
        "read your writes",
        TERRY,
        "p0 wx1\np0 rx",
        ("monotonic-reads", "monotonic-writes", "writes-follow-reads", "serializable"),
    ),
    Case(
        "monotonic reads",
        TERRY,
        "wx1\np1 rx1\np1 rx",
        ("read-atomic", "monotonic-writes", "writes-follow-reads", "serializable"),
    ),
    Case(
        "writes follow reads within a session",
        TERRY,
        "wx1\np1 rx1\np1 wy1\np2 ry1 rx",
        ("read-atomic", "monotonic-reads", "monotonic-writes", "serializable"),
    ),
    Case(
        "writes follow reads, where the first session had failed before",
        TERRY,
        "p0 wz9 !\np0 wx1\np1 rx1 wy1\np2 ry1 rx",
        ("read-atomic", "monotonic-reads", "monotonic-writes"),
    ),
    Case(
        "two sessions see two writes in either order",
        TERRY,
        "wx1\nwx2\np2 rx1\np2 rx2\np3 rx2\np3 rx1",
        ("read-atomic", "monotonic-writes", "writes-follow-reads", "serializable"),
    ),
    Case("TiDB: a read without what was appended before", ELLE, "ax2 ax1\nrx2.1 ay5 ax4\nax5\nrx2.1.5.4", (CAUSAL,)),
    Case("FaunaDB: a transaction does not see its own append", ELLE, "ax6 rx", ("read-uncommitted",)),
    Case(
        "Dgraph: a read skew of registers",
        ELLE,
        "rx1 ry\nwy1\nwx1 ry1",
        ("read-atomic", "monotonic-reads", "monotonic-writes"),
    ),
    Case("YugaByte: a cycle of anti-dependencies", ELLE, "rx ay1\nry az1\nrz ax1\nrx1\nry1\nrz1", (SI,)),
    Case("OTV of lists", HERMITAGE, "ax1 ay1\nax2 ay2\nrx1.2 ry1", ("PL-2",)),
    Case("OTV of registers", HERMITAGE, "wx1 wy1\nwx2 wy2\nrx2 ry1", RC),
    Case("G-single with a write", HERMITAGE, "rx ay2\nax1 ay1\nry1.2", (CAUSAL,)),
    Case("thin air read", PLUME, "wx1\nrx7", ()),
    Case("future read", PLUME, "rx1 wx1", ("read-uncommitted",)),
    Case("not my own write", PLUME, "wx1\nwx2 rx1", ("read-uncommitted",)),
    Case("not my last write", PLUME, "wx1 wx2 rx1", ("read-uncommitted",)),
    Case("sessions and reads in a circle", PLUME, "p0 rx1\np0 wy1\np1 ry1\np1 wx1", ("serializable",)),
    Case("non-repeatable read", PLUME, "wx1\nwx2\nrx1 rx2", RC),
    Case("two reads of one key that go back", PLUME, "p0 wx1\np0 wx2\np1 rx2 rx1", ("PL-2",)),
    Case("reads of two transactions that wrote two keys each", PLUME, "wx1 wy1\nwx2 wy2\nrx1 ry2", RC),
    Case("a withdrawal from either of two accounts", CROOKS, "ws1 wc1\nrs1 rc1 ws2\nrs1 rc1 wc2", (SI,)),
    Case("a state that only one order of three writes had", CROOKS, "wx1\nwx2 wy2\nwy3\nrx1 ry2", (SER,)),
    Case("a crashed write that was read", ODD, "wx1 ?\nrx1", (SER,)),
    Case("a crashed write that was not", ODD, "wx1 ?\nrx", (SER,)),
    Case("half of a crashed write", ODD, "wx1 wy1 ?\nrx1 ry", ("PL-2",)),
    Case("the next one of the same process does not see a crashed write", ODD, "p0 wx1 ?\np0 rx\np0 rx1", (SER,)),
    Case("a crashed append in the middle", ODD, "ax1 ?\nax2\nrx1.2", (SER,)),
    Case("a crashed append that a later one overtakes", ODD, "ax1 ?\nax2\nrx2\nrx2.1", (SER,)),
    Case("no micro-operations", ODD, "-\nwx1\nrx1", (SER,)),
    Case("one value read twice", ODD, "wx1\nrx1 rx1 ry ry", (SER,)),
    Case("nothing, then the own write, then the next one", ODD, "rx wx1 rx1 wx2 rx2\nrx2", (SER,)),
    Case("own appends after others'", ODD, "ax1\nrx1 ax2 rx1.2 ax3 rx1.2.3\nrx1.2.3", (SER,)),
    Case("a write that failed and was tried again", ODD, "p0 wx1 !\np0 wx1\nrx1", (SER,)),
    Case(
        "an append that failed twice and was tried again",
        ODD,
        "p0 ax1 ay1 !\np0 ax1 ay1 !\np0 ax1 ay1\nrx1 ry1",
        (SER,),
    ),
    Case("a read of what failed and was not tried again", ODD, "p0 wx1 !\np0 wy1\nrx1", ("read-uncommitted",)),
    Case("a committed append on a failed one", ODD, "ax1 !\nax2\nrx1.2", ("read-uncommitted",)),
    Case("applied twice", ODD, "ax1\nrx1.1", ()),
    Case("one value in two keys", ODD, "wx1 wy1\nrx1 ry1", (SER,)),
    Case("lists that exclude each other", ODD, "ax1\nax2\nrx1.2\nrx2.1", ()),
    Case("appends of one transaction in the wrong order", ODD, "ax1 ax2\nrx2.1", ()),
    Case("only reads of nothing", ODD, "rx ry\nry rx\nrz", (SER,)),
    Case("blind writes with one reader each", ODD, "wx1 wy1\nwx2 wy2\nrx1 ry1\nrx2 ry2", (SER,)),
    Case("blind writes, seen in either order", ODD, "wx1 wy1\nwx2 wy2\nrx1 ry2\nrx2 ry1", ("PL-2",)),
)
