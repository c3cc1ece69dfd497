"""Which faults are injected and when: the catalogue, the shapes of partitions, schedules."""
