"""Judging a labelled trace, and the figures that come of it: everything `alleyes evaluate` needs."""
