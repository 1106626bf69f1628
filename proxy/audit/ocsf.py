"""Records as events of the Open Cybersecurity Schema Framework, version 1.5.

A verdict is an API Activity with the profile Security Control, as the framework recommends for single alerts; start and
stop are Application Lifecycle; everything else is a Base Event.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from proxy.audit.event import seconds, told

VERSION = "1.5.0"
_API_ACTIVITY = 6003
_APPLICATION_LIFECYCLE = 6002
_CREATE, _READ, _UPDATE, _DELETE, _OTHER = 1, 2, 3, 4, 99
_ACTIVITIES = {
    "get": _READ,
    "subscribe": _READ,
    "notify": _READ,
    "set": _UPDATE,
    "lock": _UPDATE,
    "commit": _UPDATE,
    "rollback": _UPDATE,
    "register": _CREATE,
    "connect": _CREATE,
    "unsubscribe": _DELETE,
}
_LIFECYCLE = {"start": 3, "stop": 4}
_ALLOWED, _DENIED = 1, 2
_DISPOSITIONS = {"forward": 1, "block": 2, "quarantine": 3}
_ALERT = 19
_INFORMATIONAL, _MEDIUM, _HIGH, _CRITICAL = 1, 3, 4, 5
_PRODUCT = {"name": "alleyes", "vendor_name": "alleyes"}
_SERIOUS = frozenset({"loss", "tampered", "broken", "unjudged", "uninstall", "kernel-full"})


def ocsf(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return a record's event. What the schema has no attribute for is under `unmapped`."""
    kind = str(data.get("kind"))
    if kind == "verdict":
        return _verdict(data)
    activity = _LIFECYCLE.get(kind, _OTHER)
    event = _event(data, _APPLICATION_LIFECYCLE if kind in _LIFECYCLE else 0, activity, profiles=[])
    event["severity_id"] = _HIGH if kind in _SERIOUS else _INFORMATIONAL
    event["unmapped"] = {"kind": kind, "details": data.get("details")}
    if kind in _LIFECYCLE:
        event["app"] = _PRODUCT
    else:
        event["activity_name"] = kind
    return event


def _verdict(data: Mapping[str, Any]) -> dict[str, Any]:
    sender, accesses = data.get("sender") or {}, data.get("accesses") or []
    worst = accesses[max(data.get("worst") or 0, 0)] if accesses else {}
    operation = str(worst.get("operation") or "call")
    action = str(data.get("action"))
    alert = data.get("alert") is True
    event = _event(data, _API_ACTIVITY, _ACTIVITIES.get(operation, _OTHER), profiles=["security_control"])
    if event["activity_id"] == _OTHER:
        event["activity_name"] = operation
    return event | {
        "severity_id": {"block": _HIGH, "quarantine": _CRITICAL}.get(action, _MEDIUM if alert else _INFORMATIONAL),
        "status_id": 1 if action == "forward" else 2,
        "status_detail": data.get("reason"),
        "action_id": _ALLOWED if action == "forward" else _DENIED,
        "disposition_id": _ALERT if alert and action == "forward" else _DISPOSITIONS.get(action, 0),
        "is_alert": alert,
        "actor": {"app_name": sender.get("address"), "app_uid": sender.get("client_id") or sender.get("address")},
        "src_endpoint": {"ip": sender.get("ip"), "name": sender.get("address")},
        "dst_endpoint": {"name": worst.get("destination") or "unknown"},
        "api": {
            "operation": operation,
            "request": {"uid": data.get("id")},
            "service": {"name": worst.get("destination") or "unknown"},
        },
        "resources": [{"name": each.get("node"), "type": each.get("data_type") or "unknown"} for each in accesses],
        "policy": {"name": "policy.yaml", "version": data.get("policy_revision")},
        "firewall_rule": {"name": data.get("rule") or data.get("reason")},
        "unmapped": {
            name: data.get(name)
            for name in ("av", "threshold", "would_be", "mode", "model_version", "request", "sender", "accesses")
        },
    }


def _event(data: Mapping[str, Any], class_uid: int, activity: int, *, profiles: list[str]) -> dict[str, Any]:
    try:
        time = round(seconds(str(data.get("time"))) * 1000)
    except ValueError:
        time = 0
    return {
        "class_uid": class_uid,
        "category_uid": class_uid // 1000,
        "activity_id": activity,
        "type_uid": class_uid * 100 + activity,
        "time": time,
        "message": told(data),
        "metadata": {
            "version": VERSION,
            "product": _PRODUCT,
            "profiles": profiles,
            "log_name": "audit",
            "uid": data.get("id") or data.get("hash"),
            "sequence": data.get("sequence"),
        },
    }
