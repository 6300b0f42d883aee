"""Randomness: named, counter-based streams of random words, and distributions computed from them.

Philox gives the same words on every machine and in every numpy version; numpy's `Generator` distributions guarantee
neither. So words are drawn raw and transformed here by exact operations alone: `+ - * /`, `sqrt`, `floor`, `frexp`
and `ldexp`, which IEEE 754 defines to the last bit. `exp`, `log`, `sum` and the like differ between processors and are
not used. All other modules take their random numbers from here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Members",
    "RandomStream",
    "exp2",
    "exponential",
    "exponentials",
    "log2",
    "mixed",
    "normal",
    "normals",
    "one_normal",
    "powers",
    "stream_key",
    "uniform",
    "uniforms",
]

Words = NDArray[np.uint64]
Floats = NDArray[np.float64]

WORDS_PER_COUNTER = 4
_PARTS = np.uint64(0xD1B54A32D192ED03)
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
COUNTER_MODULUS = 2**256
"""Modulus of the counter: it wraps around, so words with negative numbers exist too."""


class RandomStream:
    """Endless sequence of random words with random access.

    Args:
        seed: the market's seed.
        name: the stream's name; streams with different names are independent of each other.
        block: a further number that distinguishes sequences, for streams that are drawn anew for each block.
    """

    __slots__ = ("_key", "_position")

    def __init__(self, seed: int, name: str, block: int = 0) -> None:
        digest = hashlib.blake2b(f"{seed}\0{name}\0{block}".encode(), digest_size=16).digest()
        self._key = np.frombuffer(digest, "<u8").astype(np.uint64)
        self._position = 0

    def words(self, first: int, count: int) -> Words:
        """Return words number `first` to `first + count - 1`: 64 bits each, uniformly distributed."""
        counter, skip = divmod(first, WORDS_PER_COUNTER)
        bits = np.random.Philox(counter=counter % COUNTER_MODULUS, key=self._key)
        return bits.random_raw(skip + count)[skip:]

    def next(self, count: int) -> Words:
        """Return the next `count` words after the previous call of `next`."""
        words = self.words(self._position, count)
        # Each read begins at a whole counter, so its words do not depend on the length of the previous read.
        self._position += -(-count // WORDS_PER_COUNTER) * WORDS_PER_COUNTER
        return words


class Members:
    """Members of groups, each group with its own sequence of random words: word `rank` belongs to the member `rank`.

    So a member's words depend on its group and its rank alone, however many groups are drawn at once.

    Args:
        groups: the number of each group.
        of: the row of each member's group in `groups`.
        rank: the rank of each member in its group, from 0 on.
    """

    __slots__ = ("_groups", "_of", "_steps")

    def __init__(self, groups: NDArray[np.int64], of: NDArray[np.int64], rank: NDArray[np.int64]) -> None:
        self._groups = groups.view(np.uint64)
        self._of = of
        with np.errstate(over="ignore"):
            self._steps = rank.astype(np.uint64) * _GOLDEN

    def words(self, key: np.uint64) -> Words:
        """Return a random word of the stream `key` for each member."""
        words = mixed(self._groups ^ key).take(self._of)
        words += self._steps
        return _finished(words)

    def some(self, rows: NDArray[np.int64]) -> Members:
        """Return the members of these rows."""
        members = Members.__new__(Members)
        members._groups, members._of, members._steps = self._groups, self._of[rows], self._steps[rows]
        return members

    def parts(self, counts: NDArray[np.int64]) -> Members:
        """Return `counts` members in place of each member, as groups of their own."""
        of = np.repeat(np.arange(len(counts)), counts)
        rank = np.arange(len(of)) - np.repeat(np.cumsum(counts) - counts, counts)
        return Members(self.words(_PARTS).view(np.int64), of, rank)


def stream_key(seed: int, name: str) -> np.uint64:
    """Return a key for the stream of this name, to be combined with an index and passed to `mixed`."""
    digest = hashlib.blake2b(f"{seed}\0{name}".encode(), digest_size=8).digest()
    return np.uint64(int.from_bytes(digest, "little"))


def mixed(words: Words) -> Words:
    """Return each word with its bits mixed well: random values for random access, in any order.

    Source: the finalizer of SplitMix64 (Steele, Lea and Flood, 2014), after an addition of its constant.
    """
    with np.errstate(over="ignore"):
        return _finished(words.astype(np.uint64) + _GOLDEN)


def _finished(z: Words) -> Words:
    """Mix the bits of each word in place."""
    z ^= z >> np.uint64(30)
    z *= np.uint64(0xBF58476D1CE4E5B9)
    z ^= z >> np.uint64(27)
    z *= np.uint64(0x94D049BB133111EB)
    z ^= z >> np.uint64(31)
    return z


def uniform(words: Words) -> Floats:
    """Return uniform values in the open interval (0, 1): 52 bits of each word, plus one half."""
    return ((words >> np.uint64(12)).astype(np.float64) + 0.5) * 2.0**-52


def exponential(words: Words) -> Floats:
    """Return exponential values with mean 1, one for each word."""
    return log2(uniform(words)) * -_LN2


def normal(words: Words) -> Floats:
    """Return standard normal values, by the inverse of the distribution function.

    Source: P. J. Acklam's rational approximation, relative error below 1.2e-9; the tails reach as far as 52 bits allow.
    """
    u = uniform(words)
    q = u - 0.5
    r = q * q
    z = q * _ratio(r, _CENTRE_A, _CENTRE_B)
    tail = np.flatnonzero(np.abs(q) > 0.5 - _TAIL)
    if len(tail):
        near = np.minimum(u[tail], 1.0 - u[tail])
        t = np.sqrt(log2(near) * (-2.0 * _LN2))
        far = _polynomial(t, _TAIL_C) / (_polynomial(t, _TAIL_D) * t + 1.0)
        z[tail] = np.where(q[tail] < 0, far, -far)
    return z


def uniforms(words: Words) -> Floats:
    """Return two uniform values in (0, 1) from each word, 32 bits each."""
    return (_halves(words).astype(np.float64) + 0.5) * 2.0**-32


def normals(words: Words) -> Floats:
    """Return two standard normals from each word, 32 bits each: a third of the cost of `normal`, tails up to 6.3."""
    return _NORMAL.of(_halves(words))


def one_normal(words: Words) -> Floats:
    """Return one standard normal value from the lower 32 bits of each word."""
    return _NORMAL.of((words & np.uint64(0xFFFFFFFF)).astype(np.uint32))


def exponentials(words: Words) -> Floats:
    """Return two exponential values with mean 1 from each word, 32 bits each, so none is above 23."""
    return _EXPONENTIAL.of(_halves(words))


def powers(x: Floats) -> Floats:
    """Return 2 ** x to five digits, from a table; x is clipped to -60 to 60."""
    scaled = np.clip(x, -_REACH, _REACH) * _STEPS
    whole = np.floor(scaled)
    place = whole.astype(np.int64) + int(_REACH * _STEPS)
    scaled -= whole
    scaled *= _POWER_SLOPES.take(place)
    scaled += _POWERS.take(place)
    return scaled


def _halves(words: Words) -> NDArray[np.uint32]:
    """Return the low and then the high half of each word, on machines of either byte order."""
    return words.astype("<u8", copy=False).view("<u4")


def exp2(x: Floats) -> Floats:
    """Return 2 ** x to within a few units in the last place, the same on every machine. |x| < 1000."""
    whole = np.floor(x + 0.5)
    return np.ldexp(_polynomial(x - whole, _EXP2), whole.astype(np.int64))


def log2(x: Floats) -> Floats:
    """Return the logarithm to base 2 of positive numbers, to within 1e-13, the same on every machine."""
    mantissa, exponent = np.frexp(x)
    low = mantissa < _SQRT_HALF
    mantissa = np.where(low, mantissa * 2.0, mantissa)
    s = (mantissa - 1.0) / (mantissa + 1.0)
    return s * _polynomial(s * s, _LOG2) + (exponent.astype(np.float64) - low)


def _polynomial(x: Floats, coefficients: tuple[float, ...]) -> Floats:
    """Evaluate a polynomial by Horner's rule, highest power first; multiplications and additions are never fused."""
    result = x * coefficients[0]
    for coefficient in coefficients[1:-1]:
        result += coefficient
        result *= x
    result += coefficients[-1]
    return result


def _ratio(x: Floats, above: tuple[float, ...], below: tuple[float, ...]) -> Floats:
    return _polynomial(x, above) / (_polynomial(x, below) * x + 1.0)


_LN2 = 0.6931471805599453
_SQRT_HALF = 0.7071067811865476

# 2 ** f for |f| <= 1/2: ln(2) ** n / n!, n from 13 down to 0.
_EXP2 = (
    1.3691488853904128e-12, 2.5678435993488202e-11, 4.4455382718708116e-10, 7.0549116208011233e-09,
    1.0178086009239699e-07, 1.3215486790144309e-06, 1.5252733804059841e-05, 1.5403530393381608e-04,
    1.3333558146428443e-03, 9.6181291076284772e-03, 5.5504108664821580e-02, 2.4022650695910072e-01,
    6.9314718055994531e-01, 1.0,
)  # fmt: skip

# log2(m) = 2 / ln(2) * atanh(s): 2 / ln(2) / (2 n + 1), n from 8 down to 0.
_LOG2 = tuple(2.0 / (0.6931471805599453 * (2 * n + 1)) for n in range(9, -1, -1))

_TAIL = 0.02425
_CENTRE_A = (
    -3.969683028665376e01, 2.209460984245205e02, -2.759285104469687e02,
    1.383577518672690e02, -3.066479806614716e01, 2.506628277459239e00,
)  # fmt: skip
_CENTRE_B = (
    -5.447609879822406e01, 1.615858368580409e02, -1.556989798598866e02, 6.680131188771972e01, -1.328068155288572e01,
)  # fmt: skip
_TAIL_C = (
    -7.784894002430293e-03, -3.223964580411365e-01, -2.400758277161838e00,
    -2.549732539343734e00, 4.374664141464968e00, 2.938163982698783e00,
)  # fmt: skip
_TAIL_D = (7.784695709041462e-03, 3.224671290700398e-01, 2.445134137142996e00, 3.754408661907416e00)


_REACH, _STEPS = 60.0, 64.0
_NODES = np.arange(int(2 * _REACH * _STEPS) + 2, dtype=np.int64).astype(np.float64) / _STEPS - _REACH
_POWERS = exp2(_NODES)
_POWER_SLOPES = _POWERS[1:] - _POWERS[:-1]


class _Quantiles:
    """Inverse distribution function as a piecewise linear table; the first and the last piece (the tails) are exact.

    Args:
        exact: function that returns the distribution's exact values for words.
    """

    BITS = 12

    def __init__(self, exact: Callable[[Words], Floats]) -> None:
        rest = 32 - self.BITS
        edges = np.arange(2**self.BITS + 1, dtype=np.uint64)
        edges[-1] = 2**self.BITS - 1
        nodes = exact(edges << np.uint64(64 - self.BITS))
        self._exact = exact
        self._shift = np.uint32(rest)
        self._mask = np.uint32(2**rest - 1)
        self._values = nodes[:-1]
        self._slopes = (nodes[1:] - nodes[:-1]) * 2.0**-rest

    def of(self, halves: NDArray[np.uint32]) -> Floats:
        """Return the values at these positions in the unit interval, given as 32-bit integers."""
        place = (halves >> self._shift).astype(np.int64)
        z = (halves & self._mask).astype(np.float64)
        z *= self._slopes.take(place)
        z += self._values.take(place)
        tail = np.flatnonzero((place == 0) | (place == 2**self.BITS - 1))
        if len(tail):
            z[tail] = self._exact((halves[tail].astype(np.uint64) << np.uint64(32)) + np.uint64(2**31))
        return z


_NORMAL = _Quantiles(normal)
_EXPONENTIAL = _Quantiles(exponential)
