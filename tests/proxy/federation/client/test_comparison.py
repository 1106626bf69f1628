"""Two versions differ by what came, what went, and what is done more or less often."""

from __future__ import annotations

from models.communication_model import CommunicationModel
from models.exchange.shared import Others, Shared
from models.relationship import Key, Relationship
from proxy.federation.client.comparison import compare

LAMP = "/lamp"


def key(partner: str) -> Key:
    return Key(partner, own=False, operation="get", data_type="/derived/boolean")


def shared(weight: int, *, origins: int = 2, **shown: int) -> Shared:
    """A sum in which each partner is shown in so many instance-minutes."""
    relationships = {key(f"/{name}"): Relationship(weight=minutes) for name, minutes in shown.items()}
    model = CommunicationModel(service_type=LAMP, weight=weight, relationships=relationships)
    supporters = dict.fromkeys(relationships, origins)
    return Shared(version="a", origins=origins, supporters=supporters, model=model)


def test_what_came_went_and_changed_is_told_the_greatest_change_first() -> None:
    before = Others(elsewhere=shared(100, sensor=50, door=10, clock=100, tv=20))
    after = Others(elsewhere=shared(200, sensor=180, clock=200, cloud=2, tv=60))
    found = compare(LAMP, before, after)
    assert (found.weight_before, found.weight_after) == (100, 200)
    assert [(each.partner, each.before, each.after) for each in found.came] == [("/cloud", None, 0.01)]
    assert [(each.partner, each.before, each.after) for each in found.went] == [("/door", 0.1, None)]
    assert [(each.partner, each.before, each.after) for each in found.changed] == [
        ("/sensor", 0.5, 0.9),
        ("/tv", 0.2, 0.3),
    ]
    assert not found.same


def test_growing_alone_is_no_difference() -> None:
    found = compare(LAMP, Others(elsewhere=shared(100, sensor=50)), Others(elsewhere=shared(300, sensor=155)))
    assert found.same


def test_another_number_of_sites_is_told_though_the_shares_are_the_same() -> None:
    one, other = shared(100, sensor=50), shared(100, sensor=50, origins=7)
    (changed,) = compare(LAMP, Others(elsewhere=one), Others(elsewhere=other)).changed
    assert (changed.sites_before, changed.sites_after) == (2, 7)


def test_the_own_site_s_other_nodes_count_as_well() -> None:
    found = compare(LAMP, Others(), Others(site=shared(100, sensor=50), elsewhere=shared(100, sensor=0x20)))
    assert (found.weight_before, found.weight_after, found.sites_after) == (0, 200, 2)
    assert [each.after for each in found.came] == [0.41]
