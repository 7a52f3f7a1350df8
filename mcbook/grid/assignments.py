"""Values of parameters on the command line."""

from mcbook.errors import InputError
from mcbook.registry.numbers import parse_number, round9

_EXAMPLE = "for example m_zp=1,g_prime=1e-3"


def parse_assignments(text: str) -> dict[str, float]:
    """Read ``name=value,name=value``, rounding to nine digits as a grid does.

    Raises
    ------
    InputError
        If it is not that, a name comes twice, or a value is no finite number.

    Examples
    --------
    >>> parse_assignments("m_zp=1,g_prime=1e-3")
    {'m_zp': 1.0, 'g_prime': 0.001}
    """
    found: dict[str, float] = {}
    for item in text.split(","):
        name, equals, value = (word.strip() for word in item.partition("="))
        if not name.isidentifier() or not equals:
            raise InputError(f"{item.strip()!r} does not set a name to a number", hint=_EXAMPLE)
        if name in found:
            raise InputError(f"{name} is set twice", hint="set it once")
        try:
            found[name] = round9(parse_number(value))
        except InputError as error:
            raise InputError(f"{name}: {error.message}", hint=error.hint) from None
    return found
