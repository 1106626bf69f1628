"""Infers the types of senders of which nobody knows it, by the rules of the inventory.

Everything that the rules go by is chosen by the sender. So the type is one of its own, apart from all confirmed ones.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import translate
from typing import NamedTuple

import msgspec

from policy.inferred import PREFIX
from policy.verdict import Sender, Strength
from proxy.configuration import InferenceRule
from proxy.decoders.base import Request

MOST_REMEMBERED = 4096
"""Senders that keep their types; the one heard of longest ago gives way."""
HELD_MS = 6 * 3_600_000
"""A sender that was not heard of for so long, in event time, may be of another type then."""
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

    def __init__(self, rule: InferenceRule, number: int) -> None:
        self.name = rule.name
        self.number = number
        """Its place among the rules: of those that fit, the first counts."""
        self.service_type = f"{PREFIX}{rule.name}"
        self.host_name = None if rule.host_name is None else _glob(rule.host_name.lower())
        self.mac = None if rule.mac_prefix is None else rule.mac_prefix.lower().replace("-", ":")
        self.user_agent = None if rule.user_agent is None else _glob(rule.user_agent)
        self.path = None if rule.path is None else _glob(rule.path)
        self.by_hint = self.host_name is not None or self.mac is not None
        parts = {
            "its host name": rule.host_name,
            "its link address": rule.mac_prefix,
            "its user agent": rule.user_agent,
            "what it calls": rule.path,
        }
        self.why = " and ".join(words for words, given in parts.items() if given is not None)

    def fits(self, hint: Hint, request: Request, *, stranger: bool) -> bool:
        """Tell whether a call is of this type.

        Args:
            hint: What is known of the sender's network address.
            request: The call.
            stranger: Nobody knows the sender: others are not taken for something by what they call.
        """
        return (
            (self.host_name is None or bool(self.host_name(hint.host_name)))
            and (self.mac is None or hint.mac.startswith(self.mac))
            and (self.path is None or (stranger and bool(self.path(request.target.partition("?")[0][:_LONGEST]))))
            and (self.user_agent is None or bool(self.user_agent(_user_agent(request))))
        )


def _glob(pattern: str) -> Callable[[str], object]:
    return re.compile(translate(pattern)).match


class Otherwise(NamedTuple):
    """A sender fits another rule than the one whose type it has."""

    had: str
    """The type it has, or had."""
    fits: str
    """The type of the other rule."""
    why: str
    """What that goes by."""
    taken: bool
    """It has the other type from now on; else it keeps the one it had."""


class _Kept:
    """Which type a sender has."""

    __slots__ = ("hinted", "last", "mac", "rule", "told")

    def __init__(self, rule: _Rule, hint: Hint, now: int) -> None:
        self.rule = rule
        self.mac = hint.mac
        self.hinted = hint != NO_HINT
        """Its lease was known when it got the type, or has been looked at since."""
        self.last = now
        self.told: set[str] = set()


class Inference:
    """The types of strangers and of services without a type. Not thread-safe.

    The first type that is inferred for a sender is the one it has: else each call could choose another one, and its
    sender might do whatever any of them may.
    """

    def __init__(
        self, rules: Iterable[InferenceRule], on_otherwise: Callable[[Sender, Otherwise], None] | None = None
    ) -> None:
        """Infer by rules of the inventory.

        Args:
            rules: In their order.
            on_otherwise: Called, once for each sender and type, where it fits another rule than before.
        """
        self._rules: Sequence[_Rule] = tuple([_Rule(rule, number) for number, rule in enumerate(rules)])
        self._on_otherwise = on_otherwise
        self._hints: Mapping[str, Hint] = {}
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        """By address of the sender."""

    def replace_hints(self, hints: Mapping[str, Hint]) -> None:
        """Take over what is known of network addresses now."""
        self._hints = hints

    def of(self, sender: Sender, request: Request, now: int) -> Sender:
        """Return a sender with the type that its calls let be inferred, or as it is.

        Args:
            sender: Who calls.
            request: Its call.
            now: Event time in milliseconds.
        """
        if not self._rules or sender.service_type is not None:
            return sender
        rule = self._rule(sender, request, now)
        if rule is None:
            return sender
        return msgspec.structs.replace(sender, service_type=rule.service_type, inferred=rule.why)

    def _rule(self, sender: Sender, request: Request, now: int) -> _Rule | None:
        stranger = sender.strength is Strength.UNKNOWN
        # What a peer vouches for has the peer's network address, and that says nothing of it.
        hint = NO_HINT if sender.strength is Strength.VOUCHED else self._hints.get(sender.ip, NO_HINT)
        fits = next((rule for rule in self._rules if rule.fits(hint, request, stranger=stranger)), None)
        kept = self._kept.get(sender.address)
        if kept is None:
            return None if fits is None else self._keep(sender, fits, hint, now)
        if now - kept.last > HELD_MS or (stranger and kept.mac and hint.mac and hint.mac != kept.mac):
            # Somebody else, as far as anybody can tell.
            return None if fits is None else self._change(sender, kept, fits, hint, now)
        self._kept.move_to_end(sender.address)
        kept.last = now
        kept.mac = kept.mac or hint.mac
        if not kept.hinted and hint != NO_HINT:
            # A device calls before its lease was read; what is known by then counts anew, once.
            kept.hinted = True
            if fits is not None and fits.by_hint and fits.number < kept.rule.number:
                return self._change(sender, kept, fits, hint, now)
        if fits is not None and fits is not kept.rule and (kept.rule.path is None or fits.number < kept.rule.number):
            # Later calls of a sender that is known by a path have other paths.
            self._tell(sender, kept, fits, taken=False)
        return kept.rule

    def _keep(self, sender: Sender, rule: _Rule, hint: Hint, now: int) -> _Rule:
        self._kept[sender.address] = _Kept(rule, hint, now)
        self._kept.move_to_end(sender.address)
        if len(self._kept) > MOST_REMEMBERED:
            self._kept.popitem(last=False)
        return rule

    def _change(self, sender: Sender, kept: _Kept, rule: _Rule, hint: Hint, now: int) -> _Rule:
        if rule is not kept.rule:
            self._tell(sender, kept, rule, taken=True)
        return self._keep(sender, rule, hint, now)

    def _tell(self, sender: Sender, kept: _Kept, rule: _Rule, *, taken: bool) -> None:
        if self._on_otherwise is not None and (taken or rule.name not in kept.told):
            kept.told.add(rule.name)
            self._on_otherwise(sender, Otherwise(kept.rule.service_type, rule.service_type, rule.why, taken))


def _user_agent(request: Request) -> str:
    return next((value for name, value in request.headers if name == "user-agent"), "")[:_LONGEST]
