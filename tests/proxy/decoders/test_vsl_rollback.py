from __future__ import annotations

from proxy.decoders.vsl_rollback import rollback


def test_the_request_is_one_that_the_access_point_takes_for_the_holder_s() -> None:
    outbound = rollback("198.51.100.11:8081", "/agent1/room1", "VSL e30=")
    assert (outbound.method, outbound.target) == ("POST", "/vsl/agent1/room1")
    assert outbound.body == b'{"operation":"ROLLBACK_SUBTREE"}'
    headers = dict(outbound.headers)
    assert headers["host"] == "198.51.100.11:8081"
    assert headers["authorization"] == "VSL e30="
    assert headers["content-length"] == str(len(outbound.body))


def test_without_a_credential_none_is_sent() -> None:
    assert "authorization" not in dict(rollback("198.51.100.11:8081", "/agent1/room1", None).headers)
