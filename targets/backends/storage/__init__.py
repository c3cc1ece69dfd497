"""Storage faults for nodes that really run: power loss, torn writes, failing syncs, a full disk, flipped bits.

The program in C beside this file sees every system call of a node that concerns its data folder (by a seccomp filter),
keeps a copy of what is durable, and restores that where a power loss is asked for. It is compiled on demand.

build.py    compiles it, on this machine or on a host
disk.py     the faults of one node's disk, and what shows them
serve.c     the program: what it is told, and the calls that it sees
calls.c     which calls those are
files.c, names.c, power.c   what is durable of files and of names, and what a power loss leaves
"""
