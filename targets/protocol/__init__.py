"""The contract between systems, backends and the harness: nodes, messages, faults, clusters, targets."""
