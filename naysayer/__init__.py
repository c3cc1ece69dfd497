"""Ties checker, targets, workloads and nemesis together: command line, test runner, reports, result store, hunts."""
