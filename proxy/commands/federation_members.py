"""`alleyes federation invite|origins|revoke`: who may take part, on the machine of a federation service.

They work on the database, beside the service or without it. Other machines use the service's interface.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path

import click
import msgspec
from pydantic_core import PydanticCustomError

from policy.duration import seconds
from proxy import privileges
from proxy.clocks import real_now
from proxy.commands.federate import become_service, federation_document, federation_option
from proxy.commands.options import refuse
from proxy.federation.configuration import FederationDocument
from proxy.federation.identity import NAME, RoleName
from proxy.federation.invitation import Invitation
from proxy.federation.service.authority import Authority, AuthorityError
from proxy.federation.service.stores import store_of
from proxy.federation.storage.base import Origin, Revoked, Store, StoreError, Token

_NOT_FOUND = 1
_AT_ONCE = 500


class _Length(click.ParamType[int]):
    """A span of time, in seconds."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read it."""
        if isinstance(value, int):
            return value
        try:
            return seconds(value)
        except PydanticCustomError as error:
            self.fail(error.message(), param, ctx)


class _Name(click.ParamType[str]):
    """The name of an origin."""

    name = "name"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Check it."""
        text = str(value)
        if NAME.fullmatch(text) is None:
            self.fail(f"{text!r} is no name of an origin: up to 63 small letters, digits, . and -", param, ctx)
        return text


def _with_store[T](config: Path, work: Callable[[FederationDocument, Store], Awaitable[T]]) -> T:
    """Return what `work` does with the service's database, or end with the reason why it cannot."""

    async def opened(document: FederationDocument) -> T:
        store = store_of(document)
        await store.open()
        try:
            return await work(document, store)
        finally:
            await store.close()

    document = federation_document(config)
    try:
        become_service(document)
        return asyncio.run(opened(document))
    except (AuthorityError, StoreError, privileges.PrivilegesError) as error:
        refuse([str(error)])
    except OSError as error:
        refuse([f"{error.filename or document.state_directory}: {error.strerror} -- run this as the service's user"])


@click.command("invite")
@click.argument("name", type=_Name())
@click.option("--operator", is_flag=True, help="Invite somebody who sees all origins and may take them out.")
@click.option("--valid", type=_Length(), default="1h", show_default=True, help="How long the token can be used.")
@federation_option
def invite(*, name: str, operator: bool, valid: int, config: Path) -> None:
    """Write a one-time token with which NAME can enrol: alleyes federation enroll.

    It is shown this once; only its hash is stored. Pass it on by a way that nobody else reads.
    """

    async def work(document: FederationDocument, store: Store) -> Invitation:
        authority = Authority.of(document.authority, document.state_directory, real_now())
        invitation = Invitation.new(name, authority.certificate)
        now = int(real_now() * 1000)
        role: RoleName = "operator" if operator else "origin"
        await store.add_token(Token(invitation.digest, name, role, now + valid * 1000), now)
        return invitation

    click.echo(_with_store(config, work))


@click.command("origins")
@click.option("-o", "--output", type=click.Choice(["human", "json"]), default="human", help="Form of output.")
@federation_option
def origins(*, output: str, config: Path) -> None:
    """List the origins and operators of this federation service."""

    async def work(document: FederationDocument, store: Store) -> list[Origin]:
        del document
        found: list[Origin] = []
        while some := await store.origins(found[-1].name if found else "", _AT_ONCE):
            found += some
        return found

    found = _with_store(config, work)
    if output == "json":
        click.echo(msgspec.json.format(msgspec.json.encode(found), indent=2).decode())
    elif not found:
        click.echo("nobody has enrolled yet: alleyes federation invite")
    else:
        click.echo("\n".join(_lines(found, real_now())))


@click.command("revoke")
@click.argument("name", type=_Name())
@federation_option
def revoke(*, name: str, config: Path) -> None:
    """Take NAME out: its certificates and tokens count no more, nor does anything that it contributed.

    The services that run know within a second. With a new token it can come back.
    """

    async def work(document: FederationDocument, store: Store) -> tuple[Revoked, int]:
        del document
        return await store.revoke(name, int(real_now() * 1000)), await store.remove(name)

    (certificates, invitations), topics = _with_store(config, work)
    if not certificates and not invitations and not topics:
        text = f"alleyes: {name} has no certificate or token that counts, and contributed nothing that does"
        click.echo(text, err=True)
        raise SystemExit(_NOT_FOUND)
    waiting = f", {invitations} tokens that waited to be used taken back" if invitations else ""
    click.echo(f"{name}: {certificates} certificates revoked{waiting}, contributions to {topics} topics taken out")


def _lines(found: Iterable[Origin], now: float) -> Iterable[str]:
    for each in found:
        if each.certificates and each.not_after is not None:
            days = (each.not_after / 1000 - now) / 86_400
            state = f"certificate good for {days:.0f} days" if days > 0 else "certificate expired"
        else:
            state = "revoked"
        yield f"{each.name:<32} {each.role:<9} {state}, contributes to {each.topics} topics"
