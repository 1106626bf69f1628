"""The federation: what gateways and sites tell each other, over the network."""
