"""Tests of proxy.evaluation, at the mirrored paths."""
