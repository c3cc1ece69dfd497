"""The harness: one pure core that decides what happens next in a run, for every backend and both kinds of time.

actions.py   what a loop is asked to do: invoke, inject, wait, run a round
setup.py     what a run is made of, as one value
clients.py   processes and their numbers, pauses, retries, routing, client timeouts
faults.py    which faults are in force, and what undoes them
health.py    whether the nodes are alive: NOT LIVE, NODE DIED, NODE HUNG
progress.py  whether a majority that nothing hinders gets something done while faults are in force
core.py      the phases: faults, healing, recovery, convergence, final reads

A loop (naysayer/virtual.py in virtual time, naysayer/live.py on trio) carries the actions out and reports back. So a
verdict cannot differ between backends because of the harness.
"""
