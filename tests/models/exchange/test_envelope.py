from __future__ import annotations

from hypothesis import given

from models.communication_model import CommunicationModel
from models.exchange.envelope import (
    decode_contribution,
    decode_others,
    decode_shared,
    encode_contribution,
    encode_others,
    encode_shared,
)
from models.exchange.pool import Pool
from models.exchange.shared import Others
from tests.models.exchange.observed import NOW, contributed, models


@given(models())
def test_contribution_that_is_written_is_read(model: CommunicationModel) -> None:
    contribution = contributed(model, epoch=1_767_225_600_000, sequence=77)
    assert decode_contribution("/light", encode_contribution(contribution), now_minute=NOW) == contribution


@given(models(), models())
def test_what_a_node_is_told_is_read(one: CommunicationModel, two: CommunicationModel) -> None:
    pool = Pool("/light")
    pool.put("a", contributed(one))
    pool.put("b", contributed(two))
    site, elsewhere = pool.without("a"), pool.without(None)
    assert decode_shared("/light", encode_shared(elsewhere), now_minute=NOW) == elsewhere
    for others in (Others(), Others(site=site), Others(elsewhere=elsewhere), Others(site=site, elsewhere=elsewhere)):
        assert decode_others("/light", encode_others(others), now_minute=NOW) == others
