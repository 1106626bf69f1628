"""The description of the service's interface, `openapi.yaml` beside this module."""

from __future__ import annotations

from importlib.resources import files


def description() -> bytes:
    """Return it: YAML, in UTF-8."""
    return files("proxy.federation.service").joinpath("openapi.yaml").read_bytes()
