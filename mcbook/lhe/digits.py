"""Decimal text of many doubles at once, byte by byte what ``'%+.10e'`` gives.

A number is scaled to 11 digits before the point and rounded there. The scaled number is off by up
to 5e-5, so that only a fraction that near to one half can be rounded to the wrong side: these few
are left to Python.
"""

import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Index = NDArray[np.int64]

_DIGITS = 11
_NEXT = 10.0**_DIGITS
_HEAD, _TAIL, _LAST = 10**5, 10.0**6, 100
"""One above the largest number of the first five digits, the six behind them, the last two."""
_DOUBTFUL = 0.4999
LARGEST_EXPONENT = 99
_BIASED, _BIAS = 2048, 1023
_BITS = 52


def _scales() -> tuple[Array, Index]:
    """Return a power of ten and a decimal exponent for each biased binary exponent of a double.

    Zero has 0 for its exponent; so have subnormal numbers, infinity and nan, which are refused.
    """
    scale, exponent = np.ones(_BIASED), np.zeros(_BIASED, dtype=np.int64)
    for biased in range(1, _BIASED - 1):
        power = biased - _BIAS
        whole = len(str(2**power)) - 1 if power >= 0 else -len(str(2**-power))
        exponent[biased] = whole
        if abs(whole) <= LARGEST_EXPONENT + 1:
            scale[biased] = float(f"1e{_DIGITS - 1 - whole}")
    return scale, exponent


_SCALE, _EXPONENT = _scales()


@functools.cache
def heads(*, signed: bool) -> NDArray[np.uint64]:
    """Return eight bytes for the first five digits: a blank, the sign, ``d.dddd``.

    Negative numbers are found `_HEAD` places further. Without a sign the last byte is free.
    """
    signs = np.frombuffer(b"+-" if signed else b" ", dtype=np.uint8)
    at = 2 if signed else 1
    table = np.empty((len(signs), 10, 10000, 8), dtype=np.uint8)
    table[..., 0] = ord(" ")
    table[..., 1] = signs[:, None, None]
    table[..., at] = np.arange(ord("0"), ord("9") + 1)[:, None]
    table[..., at + 1] = ord(".")
    table[..., at + 2 : at + 6] = middles().view(np.uint8).reshape(-1, 4)
    table[..., at + 6 :] = ord(" ")
    return table.view(np.uint64).ravel()


@functools.cache
def middles() -> NDArray[np.uint32]:
    """Return four bytes for four digits."""
    return np.frombuffer("".join(f"{n:04d}" for n in range(10000)).encode(), dtype=np.uint32)


@functools.cache
def tails(behind: bytes) -> NDArray[np.uint64]:
    """Return eight bytes for two digits and the exponent: ``dde+xx`` and two that come after."""
    largest = LARGEST_EXPONENT
    texts = b"".join(
        b"%02de%+03d%b" % (n, exponent, behind)
        for exponent in range(-largest, largest + 1)
        for n in range(_LAST)
    )
    return np.frombuffer(texts, dtype=np.uint64)


@dataclass(frozen=True, slots=True)
class Parts:
    """Numbers cut into indices of `heads`, `middles` and `tails`.

    Attributes
    ----------
    head, middle, tail
        Indices, in the shape of the numbers.
    """

    head: Index
    middle: Index
    tail: Index


def cut(values: Array, *, signed: bool) -> Parts:
    """Cut numbers into pieces for which there are tables.

    Parameters
    ----------
    values
        Numbers, contiguous.
    signed
        Whether the sign is written. Zero has a plus, whatever its sign.

    Raises
    ------
    ValueError
        If a number is not finite, needs three digits for its exponent, or is below zero where no
        sign is written.
    """
    size = np.abs(values)
    scaled, exponent = _scaled(size)
    rounded = np.rint(scaled)
    scaled -= rounded
    doubtful = np.flatnonzero((np.abs(scaled, out=scaled) > _DOUBTFUL) | (rounded >= _NEXT))
    rounded.flat[doubtful] = 0.0
    rounded += 0.5  # a product that is a little low must not lose a whole one
    first = np.floor(rounded * (1 / _TAIL))
    rounded -= first * _TAIL
    second = np.floor(rounded * (1 / _LAST))
    rounded -= second * _LAST
    exponent += LARGEST_EXPONENT
    exponent *= _LAST
    exponent += rounded.astype(np.int64)
    head, middle = first.astype(np.int64), second.astype(np.int64)
    for place in doubtful:
        head.flat[place], middle.flat[place], exponent.flat[place] = _exactly(size.flat[place])
    below = values < 0.0
    if signed:
        head += below * _HEAD
    elif below.any():
        raise ValueError("an energy, a mass or a lifetime is below 0")
    return Parts(head, middle, exponent)


def _scaled(size: Array) -> tuple[Array, Index]:
    """Return numbers of 11 digits before the point, and the decimal exponents of what they were."""
    biased = size.view(np.int64) >> _BITS
    scaled = _SCALE.take(biased)
    scaled *= size
    exponent = _EXPONENT.take(biased)
    above = scaled >= _NEXT
    np.multiply(scaled, 0.1, out=scaled, where=above)
    exponent += above
    _check(size, biased, exponent)
    return scaled, exponent


def number(value: float, *, signed: bool) -> bytes:
    """Return the text of one number as Python writes it, with a blank before it.

    Raises
    ------
    ValueError
        If it needs three digits for its exponent, or is not finite.
    """
    text = b" %+.10e" % (value + 0.0) if signed else b" %.10e" % (value + 0.0)
    if text[-4:-3] != b"e":
        raise ValueError(f"{value!r} is not finite, or has an exponent of three digits")
    return text


def _exactly(size: float) -> tuple[int, int, int]:
    """Return the three indices of a number, from the text that Python gives."""
    digits, _, exponent = number(size, signed=False).replace(b".", b"").partition(b"e")
    head, tail = divmod(int(digits), int(_TAIL))
    middle, last = divmod(tail, _LAST)
    return head, middle, (int(exponent) + LARGEST_EXPONENT) * _LAST + last


def _check(size: Array, biased: Index, exponent: Index) -> None:
    """Raise if a number has no exponent of two digits."""
    if size.size == 0:
        return
    largest = LARGEST_EXPONENT
    fits = biased.max() < _BIASED - 1 and exponent.max() <= largest and exponent.min() >= -largest
    if not fits or (biased.min() == 0 and size[biased == 0].any()):
        raise ValueError("a number is not finite, or has an exponent of three digits")
