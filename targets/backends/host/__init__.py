"""Nodes of a user's, in any language, in the simulator: a host process holds them (docs/node-protocol.md).

process.py      the host process: one line in, one line out; a watchdog; it is replaced when it has died
node.py         a node of the simulator whose handlers are the host's: inputs go there, effects come back in order
requests.py     requests of our workloads as bodies, and bodies as replies
target.py       a host's command as a target
probe.py        which operations a program has, and whether it keeps files
conformance.py  whether a host keeps to the protocol
subject.py      the host that is asked, and the sentences about what it answered
determinism.py  whether a used and a fresh process answer alike
"""
