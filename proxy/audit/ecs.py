"""Records in the form of the Elastic Common Schema, version 8.17."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any

from proxy.audit.event import told

VERSION = "8.17.0"


def ecs(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return a record's document. What the schema has no field for is under `alleyes`."""
    verdict = data.get("kind") == "verdict"
    event = {
        "kind": "alert" if data.get("alert") is True else "event",
        "category": ["network"],
        "type": ["info"],
        "action": data.get("kind"),
        "module": "alleyes",
        "dataset": "alleyes.audit",
        "provider": "alleyes",
        "sequence": data.get("sequence"),
        "hash": data.get("hash"),
    }
    document: dict[str, Any] = {
        "@timestamp": data.get("time"),
        "ecs": {"version": VERSION},
        "message": told(data),
        "event": event,
        "observer": {"vendor": "alleyes", "product": "alleyes", "type": "firewall"},
    }
    if not verdict:
        document["alleyes"] = {"details": data.get("details")}
        return _filled(document)
    sender, accesses = data.get("sender") or {}, data.get("accesses") or []
    worst = accesses[max(data.get("worst") or 0, 0)] if accesses else {}
    forwarded = data.get("action") == "forward"
    event |= {
        "id": data.get("id"),
        "type": ["access", "allowed" if forwarded else "denied"],
        "action": worst.get("operation") or "call",
        "outcome": "success" if forwarded else "failure",
        "reason": told(data),
        "risk_score": data.get("av"),
    }
    ip = _ip(sender.get("ip"))
    method, _, target = str(data.get("request") or "").partition(" ")
    return _filled(
        document
        | {
            "source": {"address": sender.get("address"), "ip": ip, "user": {"id": sender.get("client_id")}},
            "destination": {"address": worst.get("destination")},
            "network": {"protocol": "http", "type": ip and ("ipv6" if ":" in ip else "ipv4")},
            "http": {"request": {"method": method if target else None}},
            "url": {"original": target or None},
            "rule": {"name": data.get("reason"), "ruleset": "policy.yaml", "version": data.get("policy_revision")},
            "related": {"ip": [ip] if ip else None},
            "alleyes": {
                name: data.get(name)
                for name in ("action", "would_be", "mode", "threshold", "model_version", "sender", "accesses", "rule")
            },
        }
    )


def _ip(text: object) -> str | None:
    try:
        return str(ip_address(str(text).partition("%")[0]))
    except ValueError:
        return None


def _filled(document: dict[str, Any]) -> dict[str, Any]:
    """Return a document without the fields that hold nothing."""
    found = {name: _filled(value) if isinstance(value, dict) else value for name, value in document.items()}
    return {name: value for name, value in found.items() if value is not None and value != {}}
