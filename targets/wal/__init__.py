"""The write-ahead log, and the durable key-value store on one node that is built on nothing else."""

from __future__ import annotations
