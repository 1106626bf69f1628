"""Figures of this machine; `make benchmark` prints them all."""
