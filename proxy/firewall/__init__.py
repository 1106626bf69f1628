"""The kernel's share of enforcement: one nftables table of our own, a projection of the gateway's state."""
