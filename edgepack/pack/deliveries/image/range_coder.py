"""The encoder of the binary range code that c/ota_patch.c decodes: LZMA's, with chances of 12 bits."""

from __future__ import annotations

_HALF, _SPEED = 2048, 4  # as in ota_patch.c
_TOP = 1 << 24


class Encoder:
    """Bits in, bytes out; `chances` are lists of the chance, of 4096, that a bit is 0, and are adapted."""

    def __init__(self) -> None:
        self._low, self._range, self._cache, self._pending = 0, 0xFFFFFFFF, 0, 1
        self._bytes = bytearray()

    def bit(self, chances: list[int], index: int, one: int) -> None:
        """One bit by its chance."""
        chance = chances[index]
        bound = (self._range >> 12) * chance
        if one:
            self._low += bound
            self._range -= bound
            chances[index] = chance - (chance >> _SPEED)
        else:
            self._range = bound
            chances[index] = chance + ((4096 - chance) >> _SPEED)
        while self._range < _TOP:
            self._range = (self._range << 8) & 0xFFFFFFFF
            self._shift()

    def plain_bits(self, value: int, count: int) -> None:
        """`count` bits of `value`, the highest first, each as likely 0 as 1."""
        for place in range(count - 1, -1, -1):
            self._range >>= 1
            if value >> place & 1:
                self._low += self._range
            while self._range < _TOP:
                self._range = (self._range << 8) & 0xFFFFFFFF
                self._shift()

    def tree(self, chances: list[int], value: int, bits: int) -> None:
        """`bits` bits of `value`, the highest first, each by the chance that those before it lead to."""
        node = 1
        for place in range(bits - 1, -1, -1):
            one = value >> place & 1
            self.bit(chances, node, one)
            node = node << 1 | one

    def number(self, chances: list[int], value: int) -> None:
        """A number from 1 on."""
        bits = value.bit_length() - 1
        self.tree(chances, bits, 5)
        self.plain_bits(value - (1 << bits), bits)

    def finish(self) -> bytes:
        """Everything that was encoded."""
        for _ in range(5):
            self._shift()
        return bytes(self._bytes[1:])  # the first is always 0

    def _shift(self) -> None:
        if self._low < 0xFF000000 or self._low > 0xFFFFFFFF:
            carry = self._low >> 32
            self._bytes.append((self._cache + carry) & 0xFF)
            self._bytes.extend(bytes([(0xFF + carry) & 0xFF]) * (self._pending - 1))
            self._cache, self._pending = self._low >> 24 & 0xFF, 0
        self._pending += 1
        self._low = (self._low << 8) & 0xFFFFFFFF


def chances(count: int) -> list[int]:
    """Chances of which nothing is known."""
    return [_HALF] * count
