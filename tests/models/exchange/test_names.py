from __future__ import annotations

import pytest

from models.exchange.names import MAX_NAME, names_a_type
from models.simulation.service_models import MODELS


@pytest.mark.parametrize(
    "name",
    [
        *MODELS,
        *(each for model in MODELS.values() for _, node in model.walk("") for each in node.types),
        "/treeRoot",
        "/system/searchProvider",
        "/oic.r.switch.binary",
        "/vendor/product-line/lamp_2",
        "/3dPrinter",
        "/agency/desk",
    ],
)
def test_types_have_such_names(name: str) -> None:
    assert names_a_type(name)


@pytest.mark.parametrize(
    "name",
    [
        *(
            "",
            "/",
            "light",
            "/light/",
            "//light",
            "/a/b/c/d/e",
            "/light\n",
            "/light\0",
            "/li ght",
            "/lïght",
            "/\u202elight",
        ),
        *("/192.168.1.17", "/basic/17", "/fe80::1", "/10.0.0.1/light", "http://site/light", "/me@example.org"),
        *("/00:11:22:33:44:55", "/00-11-22-33-44-55", "/lamp_001122aabbcc", "/0011.22aa.bbcc"),
        *("/lamp/550e8400-e29b-41d4-a716-446655440000",),
        *("/agent1", "/agent1/lightcontrol1", "/Agent12/lightcontrol1/lightOn"),
        "/" + "a" * MAX_NAME,
    ],
)
def test_addresses_and_text_do_not(name: str) -> None:
    assert not names_a_type(name)
