"""Models as they would be if what was simulated for hours had gone on for weeks: exact sums, so that is arithmetic."""

from __future__ import annotations

from models.clustering_feature import ClusteringFeature
from models.communication_model import CommunicationModel
from models.relationship import Relationship


def repeated(model: CommunicationModel, times: int, every: int) -> CommunicationModel:
    """Return what a model would be if the same had happened so many times, the last time when it did.

    Args:
        model: What happened once.
        times: How often.
        every: Minutes from one time to the next; 0: all at once.

    Returns:
        A model that shares nothing with the one given. Instances, and their rooms, are the same ones each time.
    """
    return CommunicationModel(
        service_type=model.service_type,
        weight=model.weight * times,
        relationships={key: _relationship(each, times, every) for key, each in model.relationships.items()},
        partners={partner: _feature(each, times, every) for partner, each in model.partners.items()},
    )


def difference(after: CommunicationModel, before: CommunicationModel) -> CommunicationModel:
    """Return what was learnt in between."""
    found = CommunicationModel(service_type=after.service_type)
    found.absorb(after)
    found.release(before)
    return found


def both(one: CommunicationModel, other: CommunicationModel) -> CommunicationModel:
    """Return the sum."""
    found = CommunicationModel(service_type=one.service_type)
    found.absorb(one)
    found.absorb(other)
    return found


def _relationship(each: Relationship, times: int, every: int) -> Relationship:
    found = Relationship()
    found.absorb(each)
    found.weight *= times
    found.fast = _feature(each.fast, times, every)
    found.slow = _feature(each.slow, times, every)
    found.gaps = {index: _feature(gap, times, every) for index, gap in each.gaps.items()}
    found.written = {category: count * times for category, count in each.written.items()}
    found.before = {mark: count * times for mark, count in each.before.items()}
    found.falls *= times
    found.newcomers *= times
    return found


def _feature(each: ClusteringFeature, times: int, every: int) -> ClusteringFeature:
    n, ls, ss, t, tt = each.sums
    steps = times * (times - 1) // 2
    squares = (times - 1) * times * (2 * times - 1) // 6
    return ClusteringFeature(
        n * times,
        ls * times,
        ss * times,
        t * times - n * every * steps,
        tt * times - 2 * t * every * steps + n * every * every * squares,
    )
