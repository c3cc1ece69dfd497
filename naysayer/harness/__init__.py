"""The harness: one pure core that decides what happens next in a run, for every backend and both kinds of time.

actions.py      what the core asks a loop to do: invoke, inject, wait, run a round
setup.py        the configuration of a run, as one value
clients.py      processes and their numbers, pauses, retries, client timeouts
routing.py      which node a client asks
faults.py       which faults are in force, and what undoes them
health.py       whether the nodes are alive: NOT LIVE, NODE DIED, NODE HUNG
progress.py     whether an unhindered majority makes progress while faults are in force
convergence.py  whether the nodes show every value yet
core.py         the phases: fault phase, undo, recovery phase, convergence wait, final reads

A loop (naysayer/virtual.py in virtual time, naysayer/live.py on trio) carries the actions out and reports back. So a
verdict does not depend on the backend.
"""
