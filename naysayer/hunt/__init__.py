"""Hunting: many seeds in parallel, each with a mix of faults of its own; what fails is made small and told.

swarm.py       a seed's own mix of faults, clients, nodes and workload
campaign.py    seeds over an executor, until one fails
scenario.py    a run as an explicit list of operations and faults, that a person can read and replay runs
shrink.py      the smallest scenario that still fails
simplify.py    what could be simpler in a scenario
guess.py       much smaller scenarios by chance, where each operation hangs on those before it
moment.py      when a run became a violation
finding.py     what a hunt found: the run that failed, and the minimised one
diagram.py     messages as text
drawing.py     what is drawn of a run: the messages that matter, up to the violation
scoreboard.py  how soon each broken variant is caught
"""
