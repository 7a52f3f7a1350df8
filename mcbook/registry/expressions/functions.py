"""Functions and operators of expressions, for arrays, for SQLite and for PostgreSQL.

Each has the same domain everywhere, and is undefined outside: NaN in arrays, NULL in SQL. No back
end may rely on what another does with infinities, signed zeros or range errors.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mcbook.registry.numbers import LARGEST

Array = NDArray[np.float64]

DECADES = round(math.log10(LARGEST))
"""Powers of ten that a number may be away from one."""

_LOG_LARGEST = math.log(LARGEST)


@dataclass(frozen=True, slots=True)
class Function:
    """One function.

    `arrays` computes it for arrays and `scalar` for floats, which may raise ValueError,
    ZeroDivisionError or OverflowError where it is not defined. `postgresql` has ``{a}`` and ``{b}``
    for the arguments. `decades` is how many powers of ten a result that is not zero can be away
    from one, None where the arguments say so.
    """

    arity: int
    arrays: Callable[..., Any]
    scalar: Callable[..., float]
    postgresql: str
    decades: int | None = None


def bounded(values: Array) -> Array:
    """Return numbers that expressions compute with.

    Beyond `LARGEST`, infinite ones included, there is no number (NaN); below its inverse there is
    zero.
    """
    size = np.abs(values)
    kept = np.where(size <= LARGEST, values, np.nan)
    return np.where(size < 1 / LARGEST, 0.0, kept)


def _bounded(value: float) -> float:
    if not abs(value) <= LARGEST:
        raise OverflowError
    return 0.0 if abs(value) < 1 / LARGEST else value


def _exp_arrays(a: Array) -> Array:
    inside = np.exp(np.clip(a, -_LOG_LARGEST, _LOG_LARGEST))
    return np.where(a > _LOG_LARGEST, np.nan, np.where(a < -_LOG_LARGEST, 0.0, inside))


def _exp(a: float) -> float:
    if a > _LOG_LARGEST:
        raise OverflowError
    return 0.0 if a < -_LOG_LARGEST else math.exp(a)


def _power_arrays(a: Array, b: Array) -> Array:
    size = b * np.log(np.where(a == 0, 1.0, np.abs(a)))
    result = np.where(size < -_LOG_LARGEST, 0.0, np.power(a, b))
    result = np.where(size > _LOG_LARGEST, np.nan, result)
    at_zero = np.where(b > 0, 0.0, np.nan)
    result = np.where(a == 0, at_zero, result)
    result = np.where((a < 0) & (b != np.floor(b)), np.nan, result)
    # In C and numpy x**0 and 1**x are one even where x is absent.
    result = np.where(b == 0, 1.0, result)
    return np.where(np.isnan(a) | np.isnan(b), np.nan, result)


def _power(a: float, b: float) -> float:
    if b == 0:
        return 1.0
    if a == 0:
        return 0.0 if b > 0 else math.nan
    if a < 0 and b != math.floor(b):
        return math.nan
    size = b * math.log(abs(a))
    if size > _LOG_LARGEST:
        raise OverflowError
    return 0.0 if size < -_LOG_LARGEST else math.pow(a, b)


def _modulo_arrays(a: Array, b: Array) -> Array:
    return np.where(b == 0, np.nan, a - b * np.floor(np.divide(a, np.where(b == 0, 1.0, b))))


def _modulo(a: float, b: float) -> float:
    return a - b * math.floor(a / b)


def _where_arrays(mask: tuple[Any, Any], a: Array, b: Array) -> Array:
    holds, fails = mask
    return np.where(holds, a, np.where(fails, b, np.nan))


_E = f"CAST('{_LOG_LARGEST!r}' AS double precision)"
_ZERO = "CAST(0 AS double precision)"
_POSTGRESQL_POWER = (
    f"CASE WHEN {{b}} = 0 AND {{a}} IS NOT NULL THEN 1 WHEN {{a}} = 0 THEN CASE WHEN {{b}} > 0"
    f" THEN {_ZERO} END WHEN {{a}} < 0 AND {{b}} <> floor({{b}}) THEN NULL"
    f" WHEN {{b}} * ln(abs({{a}})) > {_E} THEN NULL"
    f" WHEN {{b}} * ln(abs({{a}})) < -{_E} THEN {_ZERO} ELSE power({{a}}, {{b}}) END"
)
_MOST = f"CAST('{LARGEST!r}' AS double precision)"
_LEAST = f"CAST('{1 / LARGEST!r}' AS double precision)"

FUNCTIONS: dict[str, Function] = {
    "sqrt": Function(1, np.sqrt, math.sqrt, "CASE WHEN {a} >= 0 THEN sqrt({a}) END"),
    "exp": Function(
        1, _exp_arrays, _exp,
        f"CASE WHEN {{a}} > {_E} THEN NULL WHEN {{a}} < -{_E} THEN {_ZERO} ELSE exp({{a}}) END",
        decades=DECADES,
    ),
    "log": Function(
        1, lambda a: np.log(np.where(a > 0, a, np.nan)), math.log,
        "CASE WHEN {a} > 0 THEN ln({a}) END", decades=17,
    ),
    "log10": Function(
        1, lambda a: np.log10(np.where(a > 0, a, np.nan)), math.log10,
        "CASE WHEN {a} > 0 THEN log({a}) END", decades=17,
    ),
    "sin": Function(1, np.sin, math.sin, "sin({a})"),
    "cos": Function(1, np.cos, math.cos, "cos({a})"),
    "tan": Function(1, np.tan, math.tan, "tan({a})"),
    "asin": Function(1, np.arcsin, math.asin, "CASE WHEN abs({a}) <= 1 THEN asin({a}) END"),
    "acos": Function(1, np.arccos, math.acos, "CASE WHEN abs({a}) <= 1 THEN acos({a}) END"),
    "atan": Function(1, np.arctan, math.atan, "atan({a})"),
    # Adding 0 turns -0 into 0: a zero has no sign here, and a database may lose it.
    "atan2": Function(
        2, lambda a, b: np.arctan2(a + 0.0, b + 0.0), lambda a, b: math.atan2(a + 0.0, b + 0.0),
        "atan2({a} + 0, {b} + 0)", decades=2 * DECADES,
    ),
    "abs": Function(1, np.abs, abs, "abs({a})"),
    "floor": Function(1, np.floor, lambda a: float(math.floor(a)), "floor({a})"),
    "ceil": Function(1, np.ceil, lambda a: float(math.ceil(a)), "ceil({a})"),
}  # fmt: skip
"""Functions of numbers that users may call; `VARIADIC` and ``where`` come on top."""

VARIADIC: dict[str, np.ufunc] = {"min": np.minimum, "max": np.maximum}
"""Functions of two or more numbers, absent where one of them is."""

CALLABLE = (*FUNCTIONS, *VARIADIC, "where")

INTERNAL: dict[str, Function] = {
    "power": Function(2, _power_arrays, _power, _POSTGRESQL_POWER, decades=DECADES),
    "modulo": Function(
        2, _modulo_arrays, _modulo,
        "CASE WHEN {b} <> 0 THEN {a} - {b} * floor({a} / {b}) END", decades=DECADES + 17,
    ),
    "bounded": Function(
        1, bounded, _bounded,
        f"CASE WHEN abs({{a}}) > {_MOST} THEN NULL WHEN abs({{a}}) < {_LEAST} THEN {_ZERO}"
        " ELSE {a} END",
        decades=DECADES,
    ),
}  # fmt: skip
"""What operators turn into when an expression is made ready for its back ends."""

WHERE = _where_arrays


def null_on_error(function: Callable[..., float]) -> Callable[..., float | None]:
    """Return *function* for SQLite: NULL gives NULL, and so does what is not defined."""

    def called(*arguments: float | None) -> float | None:
        if None in arguments:
            return None
        try:
            result = function(*arguments)
        except (ValueError, ZeroDivisionError, OverflowError):
            return None
        return result if result == result else None  # noqa: PLR0124

    return called
