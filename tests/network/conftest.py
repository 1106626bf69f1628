"""Fixtures of the tests that send real packets."""

from tests.network.fixtures import isolated, topology

__all__ = ["isolated", "topology"]
