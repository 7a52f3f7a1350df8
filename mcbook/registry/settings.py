"""alpha and sqrt(s): settings that cross sections and ids depend on, checked in one place."""

from typing import NamedTuple

from mcbook.errors import InputError
from mcbook.registry.derive import ALPHA, SQRT_S
from mcbook.registry.numbers import round9


class _Setting(NamedTuple):
    """What a setting may be; `slip` is the hint for a number that is no such thing."""

    default: float
    least: float
    most: float
    what: str
    slip: str


_SETTINGS = {
    # alpha runs from 1/137.036 at rest to 1/128 at the Z (PDG 2024).
    "alpha": _Setting(
        ALPHA, 1 / 200, 1 / 100, "no fine-structure constant", "did you mean 1/137.035999?"
    ),
    "sqrt_s": _Setting(
        SQRT_S, 1.0, 1000.0, "no centre-of-mass energy", "it is in GeV, as in sqrt_s: 10.58"
    ),
}


def checked_setting(name: str, value: float, given: object) -> float:
    """Return ``alpha`` or ``sqrt_s`` [GeV] as it enters ids: to nine digits, as parameters do.

    The default is not rounded, and what agrees with it to nine digits is the default.

    Parameters
    ----------
    name
        Which of them.
    value
        The number; NaN where there is none.
    given
        What the user wrote, for the message.

    Raises
    ------
    InputError
        If it lies outside 1/200 to 1/100, or outside 1 to 1000 GeV. The message does not say where
        it stands, which its reader knows.
    """
    setting = _SETTINGS[name]
    if not setting.least <= value <= setting.most:
        raise InputError(f"{given!r} is {setting.what}", hint=setting.slip)
    rounded = round9(value)
    return setting.default if rounded == round9(setting.default) else rounded
