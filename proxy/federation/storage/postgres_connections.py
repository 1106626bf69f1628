"""Connections to PostgreSQL: transactions that are tried again where that is right, and errors with a remedy."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Awaitable, Callable
from typing import Any

import psycopg
from psycopg import errors
from psycopg.conninfo import conninfo_to_dict
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from proxy.federation.storage.base import StoreError

type Connection = psycopg.AsyncConnection[tuple[Any, ...]]

PATIENCE = 10.0
"""Seconds for which a transaction is tried again: as long as a server takes to start again, or another to take over."""
_STATEMENT = "30s"
"""After which the server gives up a statement, or a transaction in which nothing happens."""
_LONGEST_PAUSE = 1.0
_ASK_AGAIN = 1.0
"""Seconds after which the pool is asked again for a connection."""
_CONNECT: dict[str, Any] = {
    # A host that vanished without a word is noticed as soon as one that says so.
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}
_MOST_CONNECTIONS = 6


class Connections:
    """A few connections to one database, and how transactions run on them."""

    def __init__(self, conninfo: str) -> None:
        """Take where to connect to, as libpq understands it; what it says counts more than what is usual here.

        Raises:
            StoreError: libpq does not understand it.
        """
        try:
            given = conninfo_to_dict(conninfo)
        except psycopg.ProgrammingError as error:
            raise StoreError(f"the connection to PostgreSQL cannot be read: {str(error).strip()}; see libpq") from error
        self.place = f"PostgreSQL database {given.get('dbname', '(default)')} at {given.get('host', '(default host)')}"
        """Names it in errors, without the password."""
        self._conninfo = conninfo
        self._usual = {name: value for name, value in _CONNECT.items() if name not in given}
        self._pool = AsyncConnectionPool(
            conninfo,
            kwargs=self._usual,
            min_size=1,
            max_size=_MOST_CONNECTIONS,
            open=False,
            configure=_configure,
            timeout=PATIENCE,
            # It would wait twice as long after each failure and be late when a server is back: we ask again instead.
            reconnect_timeout=0,
        )

    async def open(self) -> None:
        """Connect.

        Raises:
            StoreError: there is no connection.
        """
        try:
            # The pool would try on in the background and not say why it fails.
            await (await psycopg.AsyncConnection.connect(self._conninfo, **self._usual)).close()
            await self._pool.open(wait=True, timeout=PATIENCE)
        except psycopg.Error as error:
            raise self._refusal(error) from error

    async def close(self) -> None:
        """Let go of all connections."""
        await self._pool.close()

    async def transact[T](
        self, work: Callable[[Connection], Awaitable[T]], *, repeatable: bool = True, patience: float = PATIENCE
    ) -> T:
        """Do something in one transaction, from the start again if it collided with another or the connection was lost.

        Args:
            work: what to do; done again, it must not depend on what it did before.
            repeatable: whether doing it again does no harm when nobody knows whether it was committed.
            patience: seconds for which to try again.

        Raises:
            StoreError: it was not done; or, if the connection was lost while committing, nobody knows.
        """
        if self._pool.closed:
            raise StoreError(f"{self.place}: not open; see why it could not be opened")
        give_up = asyncio.get_running_loop().time() + patience
        for attempt in itertools.count():
            left = give_up - asyncio.get_running_loop().time()
            try:
                async with self._pool.connection(timeout=min(max(left, 0.1), _ASK_AGAIN)) as connection:
                    try:
                        async with connection.transaction():
                            return await work(connection)
                    except errors.ReadOnlySqlTransaction:
                        await connection.close()  # another server has taken over
                        raise
            except (errors.SerializationFailure, errors.DeadlockDetected) as error:
                problem: psycopg.Error = error
            except (psycopg.OperationalError, psycopg.InterfaceError, errors.ReadOnlySqlTransaction) as error:
                if not repeatable:
                    raise self._refusal(error) from error
                problem = error
                await self._pool.check()  # the others are likely to be lost as well
            except psycopg.Error as error:
                raise self._refusal(error) from error
            pause = random.uniform(0, min(_LONGEST_PAUSE, 0.005 * 2.0 ** min(attempt, 16)))  # noqa: S311, no secret
            if asyncio.get_running_loop().time() + pause >= give_up:
                raise self._refusal(problem) from problem
            await asyncio.sleep(pause)
        raise AssertionError

    def _refusal(self, error: psycopg.Error) -> StoreError:
        if isinstance(error, PoolTimeout):
            return StoreError(f"{self.place}: no connection; {_remedy(error)}")
        text = str(error).strip().replace("\n", " ") or type(error).__name__
        return StoreError(f"{self.place}: {text}; {_remedy(error)}")


async def _configure(connection: Connection) -> None:
    await connection.execute(f"SET statement_timeout = '{_STATEMENT}'")
    await connection.execute(f"SET idle_in_transaction_session_timeout = '{_STATEMENT}'")
    await connection.commit()


def _remedy(error: psycopg.Error) -> str:
    if isinstance(error, errors.SerializationFailure | errors.DeadlockDetected):
        return "too many write the same rows at once: try again in a few seconds"
    if isinstance(error, errors.InsufficientPrivilege):
        return "let the service's user create tables in its schema, and read and write them"
    if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError | errors.ReadOnlySqlTransaction):
        return "see that the server runs, can be reached and written to, and lets the service's user in"
    return "see the server's log"
