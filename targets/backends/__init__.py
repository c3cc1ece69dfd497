"""What runs a system: the simulator, processes, stdio, hosts over SSH, and the clients of running services."""
