"""Numbers as people write them, and the nine significant digits that parameters are kept with."""

import math
import re
from decimal import Decimal, InvalidOperation, Overflow

import numpy as np
from numpy.typing import NDArray

from mcbook.errors import InputError

Array = NDArray[np.float64]

LARGEST = 1e75
"""Numbers above this, or below its inverse and not zero, are none that mcbook computes with.

It lies far beyond all physics and so far from the limits of a double that a product of several
numbers neither overflows nor underflows, on which databases disagree.
"""

MOST_EVENTS = 10**12
"""More events than anyone can make: a count above this is a slip."""

NUMBER = re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?")
"""A decimal number, as `parse_number` takes it."""

_DIGITS = 9
_EXACT_POWERS = 22  # powers of ten up to this are doubles without rounding
_POWERS = np.array([float(f"1e{power}") for power in range(_EXACT_POWERS + 1)])
_TIE = 1e-6  # how near a half the scaled value may come, far above its rounding error
_SUFFIXES = {"k": 10**3, "M": 10**6, "G": 10**9}


def round9(value: float) -> float:
    """Round to nine significant digits, the precision of every parameter; -0.0 gives 0.0.

    Examples
    --------
    >>> round9(0.1 + 0.2) == 0.3
    True
    """
    return float(f"{value:.9g}") + 0.0


def round9_array(values: Array) -> Array:
    """Round to nine significant digits, each value exactly as `round9` does.

    Parameters
    ----------
    values
        Any shape; NaN and infinities stay what they are.
    """
    given = np.atleast_1d(np.asarray(values, dtype=np.float64))
    magnitude = np.abs(given)
    with np.errstate(all="ignore"):
        power = np.floor(np.log10(magnitude))
        shift = np.where(np.isfinite(power), _DIGITS - 1 - power, 0.0)
        scale = _POWERS[np.minimum(np.abs(shift), _EXACT_POWERS).astype(np.intp)]
        scaled = np.where(shift >= 0, magnitude * scale, magnitude / scale)
        digits = np.rint(scaled)
        rounded = np.where(shift >= 0, digits / scale, digits * scale)
        distance = np.abs(np.abs(scaled - digits) - 0.5)
    # An integer below 2**53 times or over an exact power of ten is rounded once, as the decimal
    # text is. Where the digits could have come out otherwise, the text decides.
    certain = (
        (np.abs(shift) <= _EXACT_POWERS)
        & (distance > _TIE)
        & (digits >= 10 ** (_DIGITS - 1))
        & (digits <= 10**_DIGITS)
    )
    result = np.where(certain, np.copysign(rounded, given), 0.0)
    unsure = ~certain & (given != 0)
    result[unsure] = [round9(value) for value in given[unsure].tolist()]
    return result.reshape(np.shape(values))


def parse_number(value: object) -> float:
    """Return a finite number, given as one or as decimal text such as ``1e-3``.

    Raises
    ------
    InputError
        If it is none, or so large or small that it must be a slip (see `LARGEST`).
    """
    number = math.nan
    if isinstance(value, str) and NUMBER.fullmatch(value.strip()):
        number = float(value)
        if underflows(value, number):
            raise InputError(f"{value!r} underflows to 0", hint="write 0 where zero is meant")
    elif isinstance(value, int | float) and not isinstance(value, bool):
        number = _to_float(value)
    else:
        raise InputError(f"{value!r} is not a number", hint=_number_hint(value))
    if not math.isfinite(number) or (number and not 1 / LARGEST <= abs(number) <= LARGEST):
        raise InputError(f"{value!r} is too large or too small, or not finite")
    return number


def underflows(text: str, number: float) -> bool:
    """Return whether *text* is not zero and too small to be a double, so that it became zero."""
    return number == 0 and any(digit in "123456789" for digit in re.split("[eE]", text)[0])


def _to_float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _number_hint(value: object) -> str:
    if isinstance(value, str) and NUMBER.fullmatch(value.strip().replace("_", "")):
        return "write the digits without underscores"
    if isinstance(value, str) and any(sign in value for sign in "+-*/("):
        return "a plain number is wanted here, such as 0.1 or 1e-3; formulas go under 'derived'"
    return "write a decimal number such as 0.1 or 1e-3"


def parse_count(value: object) -> int:
    """Return a positive whole number, given as one or as text such as ``50k`` or ``1.5M``.

    Raises
    ------
    InputError
        If it is none.

    Examples
    --------
    >>> parse_count("50k")
    50000
    """
    text = str(value).strip()
    factor = _SUFFIXES.get(text[-1:], 1)
    digits = text if factor == 1 else text[:-1].rstrip()
    count = None
    if not isinstance(value, bool) and NUMBER.fullmatch(digits):
        try:
            count = Decimal(digits) * factor
        except (InvalidOperation, Overflow):  # an exponent beyond what decimals hold
            count = None
    if count is None or not 1 <= count <= MOST_EVENTS or count != int(count):
        raise InputError(
            f"{value!r} is not a number of events",
            hint="a positive whole number such as 50000, 50k or 1.5M",
        )
    return int(count)
