"""Grading: a pack of tests is run against a submission, and its score depends on steps and seeds alone.

    pack.py      what an assignment asks: its tests, with their points, seeds and hints
    trial.py     one seed of one test against a target, and what it came to
    score.py     from what the seeds came to, to points: pure
    sandbox.py   a submission in a process group and a folder of its own, with limits
    worker.py    the process that runs the tests of one submission there
    outputs.py   the table, results.json, JUnit XML and Markdown
    teacher.py   a pack against our reference and every broken variant: which mistakes it would miss

The packs that come with Naysayer are in packs/, a folder for each assignment.
"""
