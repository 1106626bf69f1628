"""A stream is opened once, by whom it was asked of, in the direction it was asked for, and in time."""

from proxy.decoders.vsl_streams import MOST_AWAITED, MOST_OF_ONE, SECONDS, AwaitedStreams

OWNER = "/agent1/camera1"
NODE = f"{OWNER}/picture"
CALL = ("b4fb38af-381a-4772-8268-b84199dfab95", "7")


def expecting() -> AwaitedStreams:
    streams = AwaitedStreams()
    streams.expect(OWNER, CALL, NODE, sends=True)
    return streams


def test_a_stream_is_opened_once() -> None:
    streams = expecting()
    assert streams.take(OWNER, CALL, sends=True) == NODE
    assert streams.take(OWNER, CALL, sends=True) is None
    assert len(streams) == 0


def test_the_spelling_of_the_id_does_not_matter() -> None:
    assert expecting().take(OWNER, (CALL[0].upper(), CALL[1]), sends=True) == NODE


def test_another_service_another_serial_and_the_other_direction_open_nothing() -> None:
    streams = expecting()
    assert streams.take("/agent1/other", CALL, sends=True) is None
    assert streams.take(OWNER, (CALL[0], "8"), sends=True) is None
    assert streams.take(OWNER, CALL, sends=False) is None
    assert streams.take(OWNER, CALL, sends=True) == NODE


def test_it_is_awaited_for_a_while_only() -> None:
    now = 7.0
    streams = AwaitedStreams(lambda: now)
    streams.expect(OWNER, CALL, NODE, sends=True)
    now += SECONDS + 0.001
    assert streams.take(OWNER, CALL, sends=True) is None
    assert len(streams) == 0


def test_an_error_ends_the_waiting() -> None:
    streams = expecting()
    streams.forget(OWNER, CALL)
    streams.forget("/agent1/other", CALL)
    assert streams.take(OWNER, CALL, sends=True) is None


def test_an_invocation_that_is_noted_twice_counts_once() -> None:
    streams = expecting()
    streams.expect(OWNER, CALL, NODE, sends=True)
    assert len(streams) == 1


def test_one_service_cannot_push_out_another_s() -> None:
    streams = expecting()
    for serial in range(MOST_AWAITED + 1):
        streams.expect("/agent1/busy", (CALL[0], str(serial)), "/agent1/busy/x", sends=True)
    assert len(streams) == MOST_OF_ONE + 1
    assert streams.take(OWNER, CALL, sends=True) == NODE


def test_all_of_them_are_bounded() -> None:
    streams = expecting()
    for index in range(MOST_AWAITED + 50):
        streams.expect(f"/agent1/s{index}", CALL, NODE, sends=False)
    assert len(streams) == MOST_AWAITED
    assert streams.take(OWNER, CALL, sends=True) is None
