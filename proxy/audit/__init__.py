"""The audit log: every verdict and every event of the gateway, append-only, in a chain of hashes."""
