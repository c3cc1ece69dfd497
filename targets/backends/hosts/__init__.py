"""A cluster on other hosts, described by cluster.toml and reached over SSH or a local shell; faults and their
undoing."""
