"""The simulator: one thread, virtual time, one seed. The same seed gives the same run, byte for byte.

loop.py      a heap of events in virtual nanoseconds
network.py   links with delay, loss, duplication, reordering, one-way cuts, messages held back
disk.py      a page cache over a disk: unsynced data may be lost or torn, synced data may have bits flipped
host.py      one node: its context, its effects carried out in order, its clock and timers
traced.py    the same, recording which input caused each message and what it changed
observed.py  the same, reporting every event as it happens, for the explorer
calls.py     requests of clients: answered, timed out, refused by an only server
cluster.py   all of them together, with faults and the evidence that they took effect
"""

from targets.backends.simulator.cluster import SimulatedCluster

__all__ = ["SimulatedCluster"]
