"""What a person reads: the same story on a terminal, in report.txt, and in a picture.

story.py      what there is to tell: the verdict, and what is known about how it came about
timeline.py   the few operations that matter, and the faults, on one time axis
terminal.py   puts the story into lines
console.py    where it is printed: the one way out for all text
printable.py  what may be printed at all: control characters become escapes
"""
