"""Options that methods have in common."""

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from mcbook.errors import InputError

Asimov = Literal["observed", "nominal"]
"""Where fits make the expected limits: background as fitted to observed data, or nominal."""

N_TOYS = 10_000
"""Toys at each signal strength, where nobody says how many."""


def check_level(cl: float) -> None:
    """Check that *cl* is a confidence or credibility level.

    Raises
    ------
    InputError
        If it is not in (0, 1); a percentage is recognised.
    """
    if isinstance(cl, bool) or not isinstance(cl, int | float):
        raise InputError(f"the confidence level is {cl!r}, no number", hint="as in cl=0.90")
    if 0 < cl < 1:
        return
    is_percentage = 1 < cl < 100  # noqa: PLR2004
    hint = f"did you mean {cl / 100:g}?" if is_percentage else "Belle II papers use 0.90 or 0.95"
    raise InputError(f"the confidence level {cl:g} does not lie between 0 and 1", hint=hint)


def toys_of(rows: Iterable[Mapping[str, Any]], engine: Mapping[str, Any]) -> dict[str, Any]:
    """Return what makes limits with toys again: ``toys``, where any row has them.

    Parameters
    ----------
    rows
        Limits, each with its method.
    engine
        Options of `mcbook.limits.upper_limits`, with ``seed`` and ``n_toys``.
    """
    if not any(row["method"] == "toys" for row in rows):
        return {}
    return {"toys": {name: engine[name] for name in ("seed", "n_toys")}}
