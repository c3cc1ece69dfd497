"""What the clients do: pure generators of operations, one small file per workload."""
