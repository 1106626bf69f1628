"""A throw-away machine for what needs a kernel."""

from tests.network.fixtures import isolated, machine

__all__ = ["isolated", "machine"]
