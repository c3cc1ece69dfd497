"""The messages of a run as text: a lane for each client and node, an arrow for each message, in order of arrival."""

from __future__ import annotations

from collections.abc import Sequence

from targets.simulator.network import Sent

LANE = 14
ROWS_MAX = 80
LABEL_MAX = 44


def diagram(trace: Sequence[Sent]) -> str:
    """At most ROWS_MAX messages; says how many were left out. Lost ones end in ╳."""
    names = sorted({name for sent in trace for name in (sent.source, sent.dest)}, key=lambda n: (n[0], len(n), n))
    lane = {name: number * LANE for number, name in enumerate(names)}
    rows = ["  time ms   " + "".join(f"{name:<{LANE}}" for name in names)]
    ordered = sorted(trace, key=lambda sent: (sent.delivered_ns or sent.sent_ns, sent.sent_ns))
    for sent in ordered[:ROWS_MAX]:
        at_ms = (sent.delivered_ns or sent.sent_ns) / 1e6
        rows.append(f"{at_ms:9.1f}   {_arrow(sent, lane, len(names) * LANE)}  {_label(sent)}")
    if len(ordered) > ROWS_MAX:
        rows.append(f"  … and {len(ordered) - ROWS_MAX} more messages")
    return "\n".join(row.rstrip() for row in rows)


def _arrow(sent: Sent, lane: dict[str, int], width: int) -> str:
    line = ["│" if place in lane.values() else " " for place in range(width)]
    start, end = lane[sent.source], lane[sent.dest]
    left, right = min(start, end), max(start, end)
    for place in range(left + 1, right):
        line[place] = "─"
    line[start] = "●"
    if sent.delivered_ns is None:
        line[(start + end) // 2] = "╳"
    elif start != end:
        line[end] = "▶" if end > start else "◀"
    return "".join(line)


def _label(sent: Sent) -> str:
    fields = ", ".join(
        str(getattr(sent.message, name))
        for name in sent.message.__struct_fields__
        if name not in ("id", "client") and getattr(sent.message, name) not in (None, "", ())
    )
    text = f"{type(sent.message).__name__}({fields})"
    return text if len(text) <= LABEL_MAX else text[: LABEL_MAX - 1] + "…"
