"""Fixtures of the tests that send real packets."""

from tests.network.fixtures import isolated, topology
from tests.network.gateway import gateway, patchable_gateway

__all__ = ["gateway", "isolated", "patchable_gateway", "topology"]
