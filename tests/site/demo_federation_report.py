"""The table at the end of the demonstration of the federation, and whether it succeeded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from tests.site.attacks import AttackReport
from tests.site.calls import Tally
from tests.site.demo_report import MOST_WRONGLY_BLOCKED, NAMES

_WIDTH = 34
"""Of a column of two numbers, their sum and a version."""
MOST_MINUTES = 2.0
"""Of the site's time, from the first calls at a site that joined with nothing until all of its types are enforced."""


@dataclass(frozen=True)
class Joined:
    """How a site that knew nothing came to enforce."""

    seconds: float | None
    """Real time from its first calls on until every service type that lives there was enforced; None: it never came
    to that."""
    scale: float
    """How many times as fast as real time the site's time runs."""
    types: int
    """Service types of which it has a model by then."""
    here: int
    """Of those, the ones that live there."""
    own: int
    """Instance-minutes that it had seen itself by then."""
    others: int
    """Instance-minutes that the other sites told."""

    def failures(self) -> Iterator[str]:
        """Yield what did not go as it must."""
        if self.seconds is None:
            yield "site B never came to enforce"
        elif (minutes := self.seconds * self.scale / 60) > MOST_MINUTES:
            yield f"site B took {minutes:.1f} minutes of its time to enforce, which is more than {MOST_MINUTES:g}"

    def lines(self) -> Iterator[str]:
        """Yield what is told of it."""
        when = "never"
        if self.seconds is not None:
            when = f"after {self.seconds * self.scale / 60:.1f} minutes of its time ({self.seconds:.1f} s)"
        yield f"  site B joined with nothing; all of its {self.here} service types were enforced {when}"
        yield (
            f"    by then it knew {self.types} service types from {self.others} instance-minutes of the others;"
            f" it had seen {self.own} itself"
        )


@dataclass(frozen=True)
class Compared:
    """The same attack on the same site, alone and in the federation."""

    alone: AttackReport
    federated: AttackReport

    def failures(self) -> Iterator[str]:
        """Yield what did not go as it must."""
        name = NAMES[self.federated.label]
        if self.federated.first_refused is None:
            yield f"{name} was not blocked at site B"
        if self.alone.first_refused is not None:
            yield f"{name} was blocked at site B without the federation too, so it shows nothing"

    def line(self) -> str:
        """Return its row."""
        federated = self.federated
        after = "never" if federated.first_refused is None else f"at call {federated.first_refused}"
        cut = ", then cut off" if federated.cut_off else ""
        return (
            f"  {NAMES[federated.label]:<20} {federated.attacker:<26}"
            f" {self.alone.tally.denied:>5} of {self.alone.tally.calls:<4}"
            f" {federated.tally.denied:>5} of {federated.tally.calls:<4}   {after}{cut}"
        )


@dataclass(frozen=True)
class Outage:
    """A time without the global service."""

    what: str
    """How it was lost."""
    seconds: float
    """For how long, real time."""
    legitimate: Mapping[str, Tally]
    """Calls of healthy services meanwhile, by site."""
    attacks: Mapping[str, AttackReport]
    """One at each site meanwhile."""
    told: Mapping[str, str]
    """What `alleyes status` said of the federation meanwhile, by site."""
    merged_after: float | None
    """Real seconds from its return until all that was learnt meanwhile was merged; None: it never was."""

    def failures(self) -> Iterator[str]:
        """Yield what did not go as it must."""
        for site, tally in self.legitimate.items():
            if not tally.answered:
                yield f"{self.what}: site {site} stood still"
        for site, report in self.attacks.items():
            if report.first_refused is None:
                yield f"{self.what}: {NAMES[report.label]} was not blocked at site {site}"
        for site, told in self.told.items():
            if not told:
                yield f"{self.what}: the gateway of site {site} does not say so"
        if self.merged_after is None:
            yield f"{self.what}: what was learnt meanwhile was not merged afterwards"

    def lines(self) -> Iterator[str]:
        """Yield what is told of it."""
        yield f"  {self.what} for {self.seconds:.0f} s:"
        for site, tally in self.legitimate.items():
            report = self.attacks[site]
            yield (
                f"    site {site}: {tally.calls} legitimate calls, {tally.answered} answered;"
                f" {NAMES[report.label]} by {report.attacker}: {report.tally.denied} of {report.tally.calls} blocked"
            )
            yield f"      {self.told[site]}"
        after = "never" if self.merged_after is None else f"{self.merged_after:.1f} s after it was back"
        yield f"    all that was learnt meanwhile was merged: {after}"


@dataclass(frozen=True)
class InForce:
    """What the gateway of a site has of one service type."""

    own: int
    """Instance-minutes that it has contributed."""
    told: int
    """Those that it was told."""
    version: str
    """Of what it was told."""
    settled: bool
    """Whether nothing was on its way at that moment: it had all that was contributed, and the service its own."""
    exact: bool
    """Whether that is the sum of the others' contributions, and the service has its own, bit by bit."""


@dataclass(frozen=True)
class Merged:
    """What became of all contributions to the model of one service type."""

    service_type: str
    contributed: Mapping[str, int]
    """Instance-minutes that the service holds, by origin."""
    in_force: Mapping[str, InForce]
    """By site."""

    def failures(self) -> Iterator[str]:
        """Yield what did not go as it must. A minute that is on its way is as it must be."""
        for site, found in self.in_force.items():
            if not found.exact:
                yield f"{self.service_type} at site {site}: what is in force is not the sum of what was contributed"

    def line(self) -> str:
        """Return its row."""
        return (
            f"  {self.service_type:<17} {_sum(self.contributed.values())}  "
            + "  ".join(
                f"{_sum((found.own, found.told))} {found.version:<12}" for found in self.in_force.values()
            ).rstrip()
        )


@dataclass(frozen=True)
class FederationResult:
    """What the demonstration came to."""

    joined: Joined
    attacks: Sequence[Compared]
    outages: Sequence[Outage]
    merged: Sequence[Merged]
    legitimate: Mapping[str, Tally]
    """Calls of healthy services while their gateway enforced, by site."""
    shut_out: Mapping[str, Sequence[str]]
    """Healthy services that were put into quarantine, by site."""
    audit_intact: Mapping[str, bool]
    """By site."""
    kept_out: bool
    """Whether services were kept from the federation's machine."""

    def failures(self) -> list[str]:
        """Return what did not go as it must, one line each."""
        found = [*self.joined.failures()]
        missing = NAMES.keys() - {each.federated.label for each in self.attacks}
        found += [f"{NAMES[name]} did not take place" for name in sorted(missing)]
        parts: Sequence[Compared | Outage | Merged] = (*self.attacks, *self.outages, *self.merged)
        for part in parts:
            found += part.failures()
        if not self.merged:
            found.append("the federation holds nothing")
        for site, tally in self.legitimate.items():
            if (share := _hindered(tally)) >= MOST_WRONGLY_BLOCKED:
                found.append(f"{share:.2%} of the legitimate calls at site {site} were blocked")
        found += [
            f"{each} of site {site} was shut out for nothing" for site, some in self.shut_out.items() for each in some
        ]
        found += [f"the audit chain of site {site} is broken" for site, whole in self.audit_intact.items() if not whole]
        if not self.kept_out:
            found.append("a service reaches the federation's machine")
        return found

    def table(self) -> str:
        """Return the table."""
        blocked = "blocked: alone", "federated"
        rows = [
            *self.joined.lines(),
            "",
            f"  {'attack at site B':<20} {'by':<26} {blocked[0]:>13} {blocked[1]:>13}  first blocked",
            *(each.line() for each in self.attacks),
            "  (a flood begins like any other calls; it takes a few of them to tell)",
            "",
        ]
        for outage in self.outages:
            rows += [*outage.lines(), ""]
        if self.merged:
            rows += [
                "  Instance-minutes, each contribution once:",
                _head(self.merged[0]),
            ]
            rows += [*(each.line() for each in self.merged), ""]
        for site, tally in self.legitimate.items():
            rows.append(
                f"  site {site}: {tally.calls} legitimate calls while enforcing, wrongly blocked:"
                f" {tally.denied + tally.failed} ({_hindered(tally):.2%});"
                f" audit chain {'whole' if self.audit_intact[site] else 'broken'}"
            )
        rows.append(f"  services {'cannot' if self.kept_out else 'CAN'} reach the federation's machine")
        return "\n".join(rows)


def _head(merged: Merged) -> str:
    service = f"at the service: {' + '.join(merged.contributed)}"
    sites = "  ".join(f"{f'at site {site}: own + told':<{_WIDTH}}" for site in merged.in_force)
    return f"  {'service type':<17} {service:<{8 * len(merged.contributed) + 5}}  {sites}".rstrip()


def _sum(parts: Iterable[int]) -> str:
    numbers = list(parts)
    return f"{' + '.join(f'{each:>5}' for each in numbers)} = {sum(numbers):<5}"


def _hindered(tally: Tally) -> float:
    """Return the share of calls that got no good answer: refused, cut off, or failed on the way."""
    return (tally.denied + tally.failed) / tally.calls if tally.calls else 1.0
