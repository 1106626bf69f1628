"""Files as they are shipped and as they are broken, and what is said of them."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from models.access import Operation
from proxy.evaluation.trace import COLUMNS, LONGEST_LINE, NAMED, OPERATIONS, Row, Trace, TraceError
from tests.proxy.evaluation.traces import HEADER, START, line, write


def read(path: Path, lines: list[str]) -> tuple[list[Row], Trace]:
    trace = Trace(write(path, lines))
    return list(trace), trace


def test_the_form_of_a_file_makes_no_difference(tmp_path: Path) -> None:
    rows = [line(0), line(1, "write", "anomalous(scan)")]
    plain, _ = read(tmp_path / "header.csv", [HEADER, *rows])
    title, _ = read(tmp_path / "title.csv", ["noting", *rows])
    none, _ = read(tmp_path / "none.csv", rows)
    packed = tmp_path / "packed"
    packed.write_bytes(gzip.compress((tmp_path / "header.csv").read_bytes()))
    windows = write(tmp_path / "windows.csv", ["\ufeff" + HEADER, *rows, ""], end="\r\n")
    quoted, _ = read(tmp_path / "quoted.csv", [HEADER, *(",".join(f'"{f}"' for f in row.split(",")) for row in rows)])
    for other in (title, none, list(Trace(packed)), list(Trace(windows))):
        assert other == plain
    assert [row.access for row in quoted] == [row.access for row in plain]
    assert [row.label for row in plain] == ["normal", "scan"]


def test_a_row_becomes_the_access_it_says(tmp_path: Path) -> None:
    (row,), _ = read(tmp_path / "t.csv", [HEADER, line(2.5, "lockSubtree", accessedNodeType="", value="none")])
    access = row.access
    assert (access.time, access.operation) == (START + 2500, Operation.LOCK)
    assert (access.source, access.source_type, access.source_location) == (
        "/agent1/lightcontrol1",
        "/lightControler",
        "Hall",
    )
    assert (access.destination, access.destination_type, access.destination_location) == (
        "/agent1/movement1",
        "/movementSensor",
        "Hall",
    )
    assert access.node == "/agent1/movement1/movement"
    assert (access.data_type, access.value) == (None, None)


@pytest.mark.parametrize("unknown", ["", "none", "nk"])
def test_what_is_not_known_is_none(tmp_path: Path, unknown: str) -> None:
    fields = line().split(",")
    for name in ("sourceType", "sourceLocation", "destinationServiceType", "destinationLocation", "accessedNodeType"):
        fields[COLUMNS.index(name)] = unknown
    (row,), _ = read(tmp_path / "t.csv", [HEADER, ",".join(fields)])
    access = row.access
    assert {access.source_type, access.destination_type, access.data_type} == {None}
    assert {access.source_location, access.destination_location} == {None}


@pytest.mark.parametrize("text", ["1520031600000", "1.5200316E12", "1520031600000.2", " 1520031600000"])
def test_times_come_as_integers_and_as_doubles(tmp_path: Path, text: str) -> None:
    (row,), _ = read(tmp_path / "t.csv", [HEADER, line(timestamp=text)])
    assert row.access.time == START


@pytest.mark.parametrize(
    "value", ["4", "true", "twenty", "org.example.Node@1f", 'a "quoted" word', '"lone quote', "-1E-3"]
)
def test_values_are_kept_as_they_are(tmp_path: Path, value: str) -> None:
    (row,), _ = read(tmp_path / "t.csv", [HEADER, line(value=value)])
    assert row.access.value == value


@pytest.mark.parametrize("word", OPERATIONS)
def test_every_word_of_a_knowledge_agent_is_known(tmp_path: Path, word: str) -> None:
    (row,), _ = read(tmp_path / "t.csv", [HEADER, line(operation=word)])
    assert row.access.operation is OPERATIONS[word]


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("normal", "normal"),
        ("anomalous(malitiousOperation)", "malitiousOperation"),
        ("brand new", "brand new"),
        ("anomalous()", "anomalous()"),
        ("anomalous(normal)", "anomalous(normal)"),
        ("anomalous", "anomalous"),
    ],
)
def test_labels_lose_their_brackets_but_never_become_normal(tmp_path: Path, label: str, name: str) -> None:
    (row,), _ = read(tmp_path / "t.csv", [HEADER, line(label=label)])
    assert row.label == name


def test_columns_may_be_more_fewer_and_in_any_order(tmp_path: Path) -> None:
    names = [*reversed(HEADER.split(",")), "content_real"]
    fields = [*reversed(line(7).split(",")), "1"]
    rows, trace = read(tmp_path / "t.csv", [",".join(names), ",".join(fields)])
    plain, _ = read(tmp_path / "u.csv", [line(7)])
    assert rows[0].access == plain[0].access
    assert rows[0].columns["content_real"] == "1"
    assert rows[0].fields[trace.column("content_real")] == "1"
    kept = [index for index, name in enumerate(names) if name not in {"sourceID", "sourceLocation", "value"}]
    (fewer,), _ = read(tmp_path / "v.csv", [",".join(each[index] for index in kept) for each in (names, fields)])
    assert (fewer.access.source_location, fewer.access.value) == (None, None)


def test_further_columns_without_a_header_are_numbered(tmp_path: Path) -> None:
    rows, trace = read(tmp_path / "t.csv", [line() + ",yes"])
    assert rows[0].columns["column14"] == "yes"
    with pytest.raises(TraceError, match="no column 'content_real'; it has sourceID"):
        trace.column("content_real")


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (line(operation="teleport"), "operation 'teleport' is not known"),
        (line(operation=""), "operation '' is not known"),
        (line(timestamp="yesterday"), "timestamp 'yesterday' is not a number"),
        (line(timestamp="1_520_031_600_000"), "timestamp '1_520_031_600_000' is not a number"),
        (line(timestamp="\u0661\u0662\u0663"), "is not a number"),
        (line(timestamp="nan"), "timestamp 'nan' is not finite"),
        (line(timestamp="1e400"), "timestamp '1e400' is not finite"),
        (line(timestamp="-5"), "timestamp '-5' is no time"),
        (line(timestamp="9" * 5000), "is not finite"),
        (line(sourceAddress="none"), "sourceAddress 'none' is not an address"),
        (line(sourceAddress="/"), "sourceAddress '/' is not an address"),
        (line(destinationServiceAddress=""), "destinationServiceAddress '' is not an address"),
        (line(accessedNodeAddress="//x"), "accessedNodeAddress '//x' is not an address"),
        (line(label=" "), "has no label"),
        (line() + ",more", "has 14 columns, not 13"),
        ("half,a,row", "has 3 columns, not 13"),
        (line(value="\0"), "holds a NUL byte"),
        (line(value="x" * LONGEST_LINE), "is longer than 65536 bytes"),
        (line(value="x" * LONGEST_LINE * 3), "is longer than 65536 bytes"),
    ],
)
def test_a_bad_row_is_named_and_skipped(tmp_path: Path, bad: str, reason: str) -> None:
    rows, trace = read(tmp_path / "t.csv", [HEADER, line(0), bad, line(1)])
    assert [row.access.time - START for row in rows] == [0, 1000]
    assert (trace.good, trace.bad) == (2, 1)
    assert trace.bad_rows[0].line == 3
    assert reason in trace.bad_rows[0].reason


def test_bytes_that_are_no_text_spoil_their_row_only(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(f"{HEADER}\n{line(value='?')}\n{line(1)}\n".encode().replace(b"?", b"\xff\xfe"))
    trace = Trace(path)
    assert [row.access.time for row in trace] == [START + 1000]
    assert "not UTF-8" in trace.bad_rows[0].reason


def test_one_time_stamp_far_from_all_around_it_makes_a_bad_row(tmp_path: Path) -> None:
    rows, trace = read(
        tmp_path / "t.csv", [HEADER, *map(line, range(10)), line(86_400), "a,b", *map(line, range(10, 20))]
    )
    assert [row.access.time - START for row in rows] == [second * 1000 for second in range(20)]
    assert (trace.good, trace.bad) == (20, 2)
    assert [bad.line for bad in trace.bad_rows] == [12, 13]
    assert trace.bad_rows[0].reason == f"timestamp {START + 86_400_000} is 1,439 minutes ahead of the rows around it"


@pytest.mark.parametrize("order", [-1, 1])
def test_a_trace_in_the_wrong_order_is_read_as_it_is(tmp_path: Path, order: int) -> None:
    seconds = list(range(0, 36_000, 100))[::order] if order < 0 else [*range(1, 36_000, 200), *range(0, 36_000, 200)]
    rows, trace = read(tmp_path / "t.csv", [HEADER, *map(line, seconds)])
    assert [(row.access.time - START) // 1000 for row in rows] == seconds
    assert trace.bad == 0


def test_a_title_is_one_line_and_further_ones_are_bad_rows(tmp_path: Path) -> None:
    rows, trace = read(tmp_path / "t.csv", ["", "noting", "", "garbage", "more garbage", HEADER, line(0), line(1)])
    assert len(rows) == 2
    assert [(bad.line, bad.reason) for bad in trace.bad_rows] == [
        (4, "has one column, and is not the first line, which may be a title"),
        (5, "has one column, and is not the first line, which may be a title"),
    ]
    with pytest.raises(TraceError, match=r"u\.csv:2: has one column.*is it a trace"):
        Trace(write(tmp_path / "u.csv", ["noise"] * 2000))


def test_the_names_of_a_header_may_be_in_any_case(tmp_path: Path) -> None:
    (row,), trace = read(tmp_path / "t.csv", [f"{HEADER},Remark".upper(), line(3) + ",x"])
    assert trace.names == (*COLUMNS, "REMARK")
    assert row.access.time == START + 3000
    assert trace.bad == 0


def test_text_of_another_form_is_refused_with_its_remedy(tmp_path: Path) -> None:
    lines = [HEADER, line(0), line(1)]
    for name, text in (("headed.csv", lines), ("bare.csv", lines[1:]), ("titled.csv", ["noting", *lines[1:]])):
        with pytest.raises(TraceError, match="carriage return alone; let them end with a line feed"):
            Trace(write(tmp_path / name, text, end="\r"))
    for encoding in ("utf-16-le", "utf-16-be"):
        path = tmp_path / f"{encoding}.csv"
        path.write_bytes("\n".join(["\ufeff" + lines[0], *lines[1:]]).encode(encoding))
        with pytest.raises(TraceError, match="is UTF-16 text; save it as UTF-8"):
            Trace(path)
    with pytest.raises(TraceError, match="standard input cannot be evaluated; write it to a file"):
        Trace(Path("-"))


def test_a_carriage_return_in_a_value_is_part_of_it(tmp_path: Path) -> None:
    rows, _ = read(tmp_path / "t.csv", [line(0, value="a\rb"), line(1)])
    assert [row.access.value for row in rows] == ["a\rb", "1"]


def test_a_bad_first_row_is_no_header(tmp_path: Path) -> None:
    rows, trace = read(tmp_path / "t.csv", [line(operation="teleport"), line(1)])
    assert len(rows) == 1
    assert trace.bad_rows[0].line == 1


def test_a_header_that_lacks_something_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", [HEADER.replace("normality", "label").replace("sourceType,", ""), line()])
    with pytest.raises(TraceError, match=r"t\.csv:1: the header lacks sourceType, normality"):
        Trace(path)
    path = write(tmp_path / "u.csv", [f"{HEADER},value", line()])
    with pytest.raises(TraceError, match="names value twice"):
        Trace(path)


def test_files_that_cannot_be_read_are_named_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(TraceError, match=r"missing\.csv does not exist; give"):
        Trace(tmp_path / "missing.csv")
    with pytest.raises(TraceError, match="is a directory"):
        Trace(tmp_path)
    with pytest.raises(TraceError, match="is empty; give"):
        Trace(write(tmp_path / "empty.csv", []))
    with pytest.raises(TraceError, match="holds no access"):
        Trace(write(tmp_path / "title.csv", ["noting", ""]))
    assert list(Trace(write(tmp_path / "header.csv", [HEADER]))) == []


def test_a_compressed_file_that_is_cut_off_says_where(tmp_path: Path) -> None:
    whole = gzip.compress("\n".join([HEADER, *(line(second) for second in range(5000))]).encode())
    path = tmp_path / "t.csv.gz"
    path.write_bytes(whole[: len(whole) // 2])
    rows = iter(Trace(path))
    with pytest.raises(TraceError, match=r"t\.csv\.gz:\d+: the compressed file is cut off here; copy it again"):
        list(rows)
    path.write_bytes(whole[:200])
    with pytest.raises(TraceError, match="cut off here"):
        list(Trace(path))


def test_a_damaged_compressed_file_is_no_trace(tmp_path: Path) -> None:
    whole = bytearray(gzip.compress("\n".join([HEADER, *(line(second) for second in range(5000))]).encode()))
    whole[len(whole) // 2] ^= 0xFF
    path = tmp_path / "t.csv.gz"
    path.write_bytes(whole)
    with pytest.raises(TraceError, match=r"damaged|cut off"):
        list(Trace(path))


def test_a_file_of_something_else_is_given_up(tmp_path: Path) -> None:
    trace = Trace(write(tmp_path / "t.csv", ["a,b"] * (NAMED * 3)))
    with pytest.raises(TraceError, match=r"t\.csv:1: .*is it a trace"):
        list(trace)


def test_no_more_bad_rows_are_remembered_than_anyone_reads(tmp_path: Path) -> None:
    _, trace = read(tmp_path / "t.csv", [HEADER, line(), *["a,b"] * (NAMED + 5)])
    assert (trace.bad, len(trace.bad_rows)) == (NAMED + 5, NAMED)
