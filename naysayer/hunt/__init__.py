"""Hunting: many seeds in parallel, each with its own mix of faults; the first failure is minimised and reported.

swarm.py       a seed's own mix of faults, clients, nodes and workload
campaign.py    seeds over an executor, until one fails
corpus.py      what earlier hunts found, tried first
states.py      the abstract states that were reached, and an estimate of the others
shrink.py      the smallest scenario that still fails
simplify.py    candidates for a simpler scenario
elections.py   a scenario replayed relative to elections, under other message delays
failure.py     when a run became a violation, and of which kind
finding.py     what a hunt found: the run that failed, and the minimised one
diagram.py     messages as text
drawing.py     what is drawn of a run: the messages that matter, up to the violation
scoreboard.py  how soon each broken variant is caught
"""
