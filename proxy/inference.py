"""Infers the types of senders of which nobody knows it, by the rules of the inventory.

Everything that the rules go by is chosen by the sender. So the type is one of its own, apart from all confirmed ones.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import translate

import msgspec

from policy.inferred import PREFIX
from policy.verdict import Sender
from proxy.configuration import InferenceRule
from proxy.decoders.base import Request

MOST_REMEMBERED = 4096
"""Network addresses that keep the type of a path they called; the one heard of longest ago gives way."""
_LONGEST = 1024
"""Characters of a field or path that are looked at."""


class Hint(msgspec.Struct, frozen=True, gc=False):
    """What is known of a network address beside its calls."""

    host_name: str = ""
    """As its DHCP lease has it, in lower case."""
    mac: str = ""
    """Link address."""


NO_HINT = Hint()


class _Rule:
    """A rule in the form in which calls are compared with it."""

    def __init__(self, rule: InferenceRule) -> None:
        self.name = rule.name
        self.service_type = f"{PREFIX}{rule.name}"
        self.host_name = None if rule.host_name is None else _glob(rule.host_name.lower())
        self.mac = None if rule.mac_prefix is None else rule.mac_prefix.lower().replace("-", ":")
        self.user_agent = None if rule.user_agent is None else _glob(rule.user_agent)
        self.path = None if rule.path is None else _glob(rule.path)
        parts = {
            "its host name": rule.host_name,
            "its link address": rule.mac_prefix,
            "its user agent": rule.user_agent,
            "what it calls": rule.path,
        }
        self.why = " and ".join(words for words, given in parts.items() if given is not None)

    def fits(self, hint: Hint, request: Request) -> bool:
        """Tell whether a call is of this type."""
        return (
            (self.host_name is None or bool(self.host_name(hint.host_name)))
            and (self.mac is None or hint.mac.startswith(self.mac))
            and (self.path is None or bool(self.path(request.target.partition("?")[0][:_LONGEST])))
            and (self.user_agent is None or bool(self.user_agent(_user_agent(request))))
        )


def _glob(pattern: str) -> Callable[[str], object]:
    return re.compile(translate(pattern)).match


class Inference:
    """The types of strangers and of services without a type. Not thread-safe."""

    def __init__(self, rules: Iterable[InferenceRule]) -> None:
        self._rules: Sequence[_Rule] = tuple(map(_Rule, rules))
        self._hints: Mapping[str, Hint] = {}
        self._by_path: OrderedDict[str, _Rule] = OrderedDict()
        """By network address the rule with a path that it fitted: its later calls have other paths."""

    def replace_hints(self, hints: Mapping[str, Hint]) -> None:
        """Take over what is known of network addresses now; whoever has one now shows anew what it calls."""
        changed = [ip for ip in self._by_path if hints.get(ip) != self._hints.get(ip)]
        for ip in changed:
            del self._by_path[ip]
        self._hints = hints

    def of(self, sender: Sender, request: Request) -> Sender:
        """Return a sender with the type that its call lets be inferred, or as it is."""
        if not self._rules or sender.service_type is not None:
            return sender
        rule = self._rule(sender.ip, request)
        if rule is None:
            return sender
        return msgspec.structs.replace(sender, service_type=rule.service_type, inferred=rule.why)

    def _rule(self, ip: str, request: Request) -> _Rule | None:
        hint = self._hints.get(ip, NO_HINT)
        kept = self._by_path.get(ip)
        for rule in self._rules:
            if rule is kept:
                self._by_path.move_to_end(ip)
                return rule
            if rule.fits(hint, request):
                if rule.path is not None:
                    self._by_path[ip] = rule
                    self._by_path.move_to_end(ip)
                    if len(self._by_path) > MOST_REMEMBERED:
                        self._by_path.popitem(last=False)
                return rule
        return None


def _user_agent(request: Request) -> str:
    return next((value for name, value in request.headers if name == "user-agent"), "")[:_LONGEST]
