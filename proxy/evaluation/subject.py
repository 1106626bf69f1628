"""What is evaluated: anything that judges one access after the other."""

from typing import NamedTuple, Protocol, runtime_checkable

from models.access import Access


class Judgement(NamedTuple):
    """What a subject says of one access.

    Attributes:
        av: The anomaly value, of any unit: the higher, the more anomalous. Compared among the rows of one trace only.
        refused: Whether enforcement would have refused the access.
    """

    av: float
    refused: bool


class Subject(Protocol):
    """A way of judging traffic. Kept small, so that anything with an opinion on an access can be compared."""

    def judge(self, access: Access) -> Judgement:
        """Judge one access with what came before it, then learn from it.

        Accesses come in the order of the trace. `access.time` is event time in milliseconds, and the only clock a
        subject may look at: it does not always advance, and may step back a little.
        """
        ...


@runtime_checkable
class Miner(Protocol):
    """A subject that can tell how much of its time went into mining periods."""

    @property
    def mining_seconds(self) -> float:
        """Seconds so far."""
        ...
