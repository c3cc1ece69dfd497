"""A student's binaries, in any language: Maelstrom's protocol, one JSON object per line on stdin and stdout.

The harness routes every message, so loss, delay, duplication, reordering and partitions need no privileges.
"""
