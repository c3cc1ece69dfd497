"""raft-log: a replicated log and key-value store by Raft (Ongaro and Ousterhout 2014), healthy and broken."""
