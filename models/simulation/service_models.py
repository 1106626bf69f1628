"""The node trees that the data set's service types have, in the form of VSL models."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

import msgspec

NUMBER = "/basic/number"
TEXT = "/basic/text"
COMPOSED = "/basic/composed"
BOOLEAN = "/derived/boolean"

LIGHT_CONTROLLER = "/lightControler"
MOVEMENT_SENSOR = "/movementSensor"
TEMPERATURE_SENSOR = "/sensorService"
BATTERY = "/batteryService"
DOOR_LOCK = "/doorLockService"
THERMOSTAT = "/thermostat"
WASHING_MACHINE = "/washingService"
SMART_PHONE = "/smartPhone"

EVERYBODY = "*"
"""Admits all to a node's readers or writers."""


class ModelNode(msgspec.Struct, frozen=True):
    """One node of a model."""

    types: tuple[str, ...]
    """Most specific first, ancestors last."""
    value: str | None = None
    """Initial value."""
    restrictions: Mapping[str, str] = {}
    children: Mapping[str, ModelNode] = {}
    readers: tuple[str, ...] = (EVERYBODY,)
    """Client or access ids that may read, besides the service itself."""
    writers: tuple[str, ...] = (EVERYBODY,)

    def walk(self, address: str) -> Iterator[tuple[str, ModelNode]]:
        """Yield this node and all below it with their addresses, this one being at `address`."""
        yield address, self
        for name, child in self.children.items():
            yield from child.walk(f"{address}/{name}")


def _boolean() -> ModelNode:
    return ModelNode((BOOLEAN, NUMBER), "0", {"minimumValue": "0", "maximumValue": "1"})


MODELS: Mapping[str, ModelNode] = MappingProxyType(
    {
        LIGHT_CONTROLLER: ModelNode((LIGHT_CONTROLLER, COMPOSED), children={"lightOn": _boolean()}),
        MOVEMENT_SENSOR: ModelNode(
            (MOVEMENT_SENSOR, COMPOSED), children={"movement": _boolean(), "lastChange": ModelNode((NUMBER,), "0")}
        ),
        TEMPERATURE_SENSOR: ModelNode(
            (TEMPERATURE_SENSOR, NUMBER), "20", children={"unit": ModelNode((TEXT,), "celsius")}
        ),
        BATTERY: ModelNode(
            (BATTERY, COMPOSED),
            children={
                "charge": ModelNode((NUMBER,), "10"),
                "charging": ModelNode((TEXT,), "false"),
                "cells": ModelNode((COMPOSED,)),
            },
        ),
        DOOR_LOCK: ModelNode((DOOR_LOCK, COMPOSED), children={"open": ModelNode((TEXT,), "false")}),
        THERMOSTAT: ModelNode((THERMOSTAT, NUMBER), "0", children={"heatingOn": _boolean()}),
        WASHING_MACHINE: ModelNode((WASHING_MACHINE, COMPOSED), children={"washing": ModelNode((TEXT,), "")}),
        SMART_PHONE: ModelNode((SMART_PHONE, COMPOSED), children={"owner": ModelNode((TEXT,), "")}),
    }
)
"""Model id to root node. Temperature sensors and thermostats keep their main value in the root, as in the data set."""
