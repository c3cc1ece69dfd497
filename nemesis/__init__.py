"""What goes wrong: faults, the shapes of partitions, schedules of faults."""
