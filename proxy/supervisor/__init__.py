"""The supervisor: the process that owns configuration, state on disk, quarantines, models of the node, and workers."""
