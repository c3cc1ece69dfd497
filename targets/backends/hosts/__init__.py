"""A cluster on other hosts, told by cluster.toml: reached over SSH or a local shell, broken and healed."""
