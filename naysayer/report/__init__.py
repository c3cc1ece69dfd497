"""What a person reads: the same report on a terminal, in report.txt, and in a picture.

report.py      the report as a value
build.py       builds it from what a run left, or from a history that was read
nodes.py       adds what the nodes of a simulated run held and sent
terminal.py    prints it
timeline.py    the few operations that matter, and the faults, on one time axis
counts.py      the table of operations by outcome
layout.py      how text is laid out in lines
console.py     where it is printed: the one way out for all text
bar.py         a progress bar on stderr, for work that takes long
progress.py    what is shown while a live run goes on
conclusion.py  what a command has come to: its exit code, report and verdict
document.py    a conclusion as JSON
junit.py       a conclusion as JUnit XML
"""
