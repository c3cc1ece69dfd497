"""Real processes on this machine: each node an OS process on trio, TCP between nodes, a real disk.

The node code is the simulator's, unchanged. Faults that cut or degrade links are carried out by one proxy per link
inside the harness, so that they need no privileges.
"""
