"""Of what others know a bounded part is adopted: what most of them show."""

from __future__ import annotations

from models import allowance
from models.allowance import ALL, OF_ONE, Size, cut, quorate, share, size
from models.clustering_feature import ClusteringFeature
from models.communication_model import CommunicationModel
from models.exchange.shared import Others, Shared
from models.relationship import Key, Relationship


def shared(supporters: dict[str, int], *, gaps: int = 0, partners: int = 0, origins: int = 9) -> Shared:
    keys = {Key(name, own=False, operation="get", data_type=""): count for name, count in supporters.items()}
    model = CommunicationModel(
        service_type="/light",
        weight=100,
        relationships={
            key: Relationship(weight=9, gaps={each: ClusteringFeature() for each in range(gaps)}) for key in keys
        },
        partners={f"/p{number}": ClusteringFeature(number, 0, 0, 0, 0) for number in range(partners)},
    )
    return Shared(version="0", origins=origins, supporters=keys, model=model)


def names(part: Shared | None) -> list[str]:
    return [] if part is None else [key.partner for key in part.model.relationships]


def test_what_is_usual_is_left_as_it_is() -> None:
    told = Others(site=shared({"/a": 2}), elsewhere=shared({"/a": 2, "/b": 3}, gaps=27))
    assert cut(told, OF_ONE) is told


def test_what_most_sites_show_stays() -> None:
    told = Others(elsewhere=shared({f"/t{number}": number + 1 for number in range(1000)}))
    kept = cut(told, Size(10, 1000))
    assert kept.elsewhere is not None
    assert names(kept.elsewhere) == [f"/t{number}" for number in range(990, 1000)]
    assert kept.elsewhere.supporters.keys() == kept.elsewhere.model.relationships.keys()
    assert kept.elsewhere.model.weight == 100, "what is left out is unusual, and no less is known of the rest"


def test_one_that_is_too_large_keeps_out_no_other() -> None:
    large, small = shared({"/large": 9}, gaps=500), shared({"/a": 1, "/b": 1}, gaps=10)
    model = large.model
    model.relationships.update(small.model.relationships)
    both = Shared(version="0", origins=9, supporters=large.supporters | small.supporters, model=model)
    assert sorted(names(cut(Others(elsewhere=both), Size(10, 100)).elsewhere)) == ["/a", "/b"]


def test_the_own_site_has_half_of_the_room_at_most_and_the_others_the_rest() -> None:
    many = {f"/t{number}": 1 for number in range(100)}
    found = cut(Others(site=shared(many), elsewhere=shared(many)), Size(20, 10_000))
    assert (len(names(found.site)), len(names(found.elsewhere))) == (10, 10)
    found = cut(Others(site=shared({"/a": 1}), elsewhere=shared(many)), Size(20, 10_000))
    assert (len(names(found.site)), len(names(found.elsewhere))) == (1, 19)


def test_the_worst_that_may_be_told_fits_and_cutting_again_changes_nothing() -> None:
    many = {f"/t{number}": number % 7 + 1 for number in range(2000)}
    told = Others(site=shared(many, gaps=9, partners=1000), elsewhere=shared(many, gaps=9, partners=1000))
    found = cut(told, OF_ONE)
    assert size(found).within(OF_ONE)
    assert size(found).entries > OF_ONE.entries * 0.9
    assert cut(found, OF_ONE) == found


def test_however_many_types_live_here_their_parts_fit_together() -> None:
    for types in (1, 16, 17, 100, 256):
        one = share(types)
        assert one.within(OF_ONE)
        assert Size(types * one.relationships, types * one.entries).within(ALL)
    assert share(0) == OF_ONE


def test_the_nodes_of_the_own_site_are_one_voice() -> None:
    assert allowance.sites(Others(site=shared({}, origins=5))) == 1
    assert not quorate(Others(site=shared({}, origins=5)))
    assert not quorate(Others(elsewhere=shared({}, origins=1)))
    assert quorate(Others(site=shared({}, origins=1), elsewhere=shared({}, origins=1)))
    assert quorate(Others(elsewhere=shared({}, origins=2)))
