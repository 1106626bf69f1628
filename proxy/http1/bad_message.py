"""What ends a connection: bytes that are not the declared protocol, or that two parsers could read in two ways."""


class BadMessage(Exception):
    """A message that is refused before anybody could judge what it means.

    Attributes:
        code: Stable, hyphenated.
        detail: In plain words, for the audit log.
    """

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
