"""Rows as the public data set has them."""

from __future__ import annotations

import csv
import io

import msgspec

from models.access import Access, Operation
from models.simulation.rows import HEADER, row, write_rows
from models.simulation.trace import Observed

ACCESS = Access(
    time=1_520_031_634_378,
    source="/agent3/tempin3",
    source_type="/sensorService",
    source_location="Dinningroom",
    destination="/agent3/tempin3",
    destination_type="/sensorService",
    destination_location="Dinningroom",
    node="/agent3/tempin3",
    operation=Operation.SET,
    data_type="/sensorService",
    value="20.0464",
)


def changed(**changes: object) -> dict[str, str]:
    return dict(zip(HEADER, row(Observed(msgspec.structs.replace(ACCESS, **changes), "normal")), strict=True))


def test_a_row_is_that_of_the_data_set() -> None:
    assert ",".join(row(Observed(ACCESS, "normal"))) == (
        "tempin3,/agent3/tempin3,/sensorService,Dinningroom,/agent3/tempin3,/sensorService,Dinningroom,"
        "/agent3/tempin3,/sensorService,write,20.0464,1520031634378,normal"
    )


def test_a_file_begins_with_the_columns() -> None:
    text = io.StringIO()
    assert write_rows([Observed(ACCESS, "normal"), Observed(ACCESS, "scan")], text) == 2
    assert text.getvalue().splitlines()[0] == (
        "sourceID,sourceAddress,sourceType,sourceLocation,destinationServiceAddress,destinationServiceType,"
        "destinationLocation,accessedNodeAddress,accessedNodeType,operation,value,timestamp,normality"
    )
    assert [line["normality"] for line in csv.DictReader(io.StringIO(text.getvalue()))] == ["normal", "anomalous(scan)"]


def test_operations_have_the_words_and_values_of_the_data_set() -> None:
    registration = changed(operation=Operation.REGISTER, value="/sensorService")
    assert (registration["operation"], registration["value"]) == ("registerService", "none")
    assert changed(operation=Operation.GET)["operation"] == "read"
    subscription = changed(operation=Operation.SUBSCRIBE, value=None)
    assert subscription["operation"] == "subscribe"
    assert subscription["value"].startswith("org.ds2os.vsl.core.utils.AddressParameters@")
    lock = changed(operation=Operation.LOCK, value=None)
    assert (lock["operation"], lock["accessedNodeType"], lock["value"]) == ("lockSubtree", "", "")


def test_what_is_not_known_is_empty() -> None:
    assert changed(source_location=None, value=None)["sourceLocation"] == ""
