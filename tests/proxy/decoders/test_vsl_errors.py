"""An error is what the connectors of the VSL make an exception of."""

from proxy.decoders import vsl_errors


def test_an_error_has_the_members_that_connectors_read() -> None:
    assert vsl_errors.error(vsl_errors.FORBIDDEN, vsl_errors.DENIED) == {
        "code": 403,
        "message": "Access denied by Anomaly detection",
        "type": "org.ds2os.vsl.core.transport.ExceptionMessage$1",
    }
