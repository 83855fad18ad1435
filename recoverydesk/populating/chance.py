"""Random choices with the shapes that registries have. Deterministic: everything comes from one seeded source."""

import math
from random import Random
from uuid import UUID

SYLLABLES = ("ka", "lo", "mi", "ra", "te", "su", "no", "vi", "da", "pe", "zo", "li", "fe", "ru", "ha", "so", "ti", "ma")


class Chance:
    """One seeded source of names, ids and skewed picks. Not for secrets."""

    def __init__(self, seed: str) -> None:
        self.random = Random(seed)  # noqa: S311 - made-up data

    def name(self, number: int) -> str:
        """A pronounceable name; `number` makes it unique."""
        pick = self.random.random
        return f"{''.join(SYLLABLES[int(pick() * len(SYLLABLES))] for _ in range(3))}{number}"

    def uid(self) -> UUID:
        """A version 4 UUID."""
        return UUID(int=self.random.getrandbits(128), version=4)

    def zipf(self, size: int, flat: float) -> int:
        """A rank below `size`, the k-th with a likelihood of about 1 / (k + flat) (Zipf-Mandelbrot)."""
        rank = flat * ((size + flat) / flat) ** self.random.random() - flat
        return min(int(rank), size - 1)

    def scattered(self, size: int, flat: float) -> int:
        """The same over places mixed up, so that the heavy ones are not next to each other."""
        return self.zipf(size, flat) * _STRIDE % size if math.gcd(_STRIDE, size) == 1 else self.zipf(size, flat)

    def one_of(self, weighted: list[tuple[float, str]]) -> str:
        """One of the values, each with its share; the last one takes the rest."""
        left = self.random.random()
        for share, value in weighted:
            left -= share
            if left < 0:
                return value
        return weighted[-1][1]


_STRIDE = 7_368_787  # a prime
