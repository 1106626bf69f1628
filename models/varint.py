"""Integers of any size in as few bytes as they need: seven bits a byte, least significant first (LEB128, DWARF 7.6)."""

from __future__ import annotations

_MORE = 0x80
_BITS = 7
MAX_BYTES = 64
"""No sum gets near 448 bits; what claims to be longer is refused."""


class Writer:
    """Appends to a growing buffer."""

    __slots__ = ("buffer",)

    def __init__(self) -> None:
        self.buffer = bytearray()

    def unsigned(self, value: int) -> None:
        """Write an integer of at least 0.

        Raises:
            ValueError: it is negative.
        """
        if value < 0:
            raise ValueError(f"{value} is negative")
        while value >= _MORE:
            self.buffer.append(value & 0x7F | _MORE)
            value >>= _BITS
        self.buffer.append(value)

    def signed(self, value: int) -> None:
        """Write any integer; small ones of either sign stay short (zigzag)."""
        self.unsigned(value << 1 if value >= 0 else (-value << 1) - 1)

    def text(self, value: str) -> None:
        """Write a text: its length in bytes, then UTF-8."""
        data = value.encode()
        self.unsigned(len(data))
        self.buffer += data


class Reader:
    """Takes from bytes that may come from anybody."""

    __slots__ = ("_data", "_position")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = 0

    @property
    def rest(self) -> int:
        """Number of bytes that are left."""
        return len(self._data) - self._position

    def unsigned(self) -> int:
        """Read an integer of at least 0.

        Raises:
            ValueError: the bytes end within it, or it is longer than any real one.
        """
        value = shift = 0
        for count in range(MAX_BYTES):
            if self._position >= len(self._data):
                raise ValueError("the bytes are cut off")
            byte = self._data[self._position]
            self._position += 1
            value |= (byte & 0x7F) << shift
            shift += _BITS
            if byte < _MORE:
                if not byte and count:
                    raise ValueError("an integer is written longer than needed")
                return value
        raise ValueError(f"an integer of more than {MAX_BYTES} bytes")

    def signed(self) -> int:
        """Read any integer.

        Raises:
            ValueError: as for `unsigned`.
        """
        value = self.unsigned()
        return -(value + 1 >> 1) if value & 1 else value >> 1

    def text(self) -> str:
        """Read a text.

        Raises:
            ValueError: the bytes end within it, or are not UTF-8.
        """
        length = self.unsigned()
        if length > self.rest:
            raise ValueError("the bytes are cut off")
        data = self._data[self._position : self._position + length]
        self._position += length
        return data.decode()

    def end(self) -> None:
        """Demand that nothing is left.

        Raises:
            ValueError: there is more.
        """
        if self.rest:
            raise ValueError(f"{self.rest} bytes too many")
