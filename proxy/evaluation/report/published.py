"""What the paper published of itself, to stand beside what is measured here."""

from __future__ import annotations

from typing import NamedTuple


class PublishedClass(NamedTuple):
    """One row of the paper's Table III."""

    name: str
    packets: int


ACCURACY = 0.99
DETECTION_RATE = 0.963
FALSE_POSITIVE_RATE = 0.002
"""Section V-C. There are no detection rates per class, no area under the curve, and no counts of errors."""

CLASSES = {
    "scan": PublishedClass("network scan", 1559),
    "spying": PublishedClass("spying", 532),
    "malitiousControl": PublishedClass("malicious control", 889),
    "malitiousOperation": PublishedClass("malicious operation", 805),
    "DoSattack": PublishedClass("denial of service", 5780),
    "dataProbing": PublishedClass("data type probing", 342),
    "wrongSetUp": PublishedClass("wrong set-up", 120),
}
"""Table III, over the whole 24 hours, by the label of the data set, spelt as shipped."""
