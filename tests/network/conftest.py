"""Fixtures of the tests that send real packets."""

from tests.network.fixtures import isolated, topology
from tests.network.gateway import gateway

__all__ = ["gateway", "isolated", "topology"]
