"""Decides whether a history is linearizable, and proves its answer. Imports nothing else of ours."""
