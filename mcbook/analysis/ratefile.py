"""Reads what an analysis limits."""

from typing import Any

from mcbook.analysis.records import BR, SIGMA, SIGMA_BR, WORDS, Channel, Rate
from mcbook.errors import InputError, did_you_mean
from mcbook.grid.file import Grid
from mcbook.registry.bounds import outside
from mcbook.registry.derive import Deriver
from mcbook.registry.entries import Entries
from mcbook.registry.expressions import Expression, parse
from mcbook.registry.model import Parameter
from mcbook.registry.yamlfile import Keys

KEYS = ("limit", "vary", "range", "points")
PER_DECADE = 12
MOST_POINTS = 2000


def read_rate(
    entries: Entries, deriver: Deriver, grid: Grid, channels: tuple[Channel, ...]
) -> Rate:
    """Return what is limited: one of `WORDS`, a parameter, or an expression of parameters."""
    value = entries.document.data["rate"]
    entry = entries.mapping(("rate",), value, KEYS, ("limit",)) if isinstance(value, dict) else {
        "limit": value
    }  # fmt: skip
    keys: Keys = ("rate", "limit") if isinstance(value, dict) else ("rate",)
    name = entries.text(keys, entry["limit"])
    where = entries.document.where(("rate",))
    if name in WORDS:
        if len(entry) > 1:
            raise entries.fail(("rate",), f"{name} takes no other keys")
        _check_word(entries, keys, name, channels)
        return Rate(name, where=where)
    expression = _expression(entries, keys, name, deriver)
    varied = [name for name in _by_place(expression) if name in deriver.model.parameters]
    vary = varied[0]
    if "vary" in entry:
        vary = entries.choice(("rate", "vary"), entry["vary"], tuple(varied))
    parameter = deriver.model.parameters[vary]
    _check_varied(entries, grid, vary, channels)
    span = _span(entries, entry, parameter)
    return Rate(
        name,
        expression,
        vary,
        span,
        _points(entries, entry, span),
        is_free="vary" in entry,
        where=where,
    )


def _check_word(entries: Entries, keys: Keys, name: str, channels: tuple[Channel, ...]) -> None:
    has_b = channels[0].process.generator == "evtgen"
    if has_b and name in {SIGMA, SIGMA_BR}:
        raise entries.fail(keys, "decays of B mesons have no cross section", f"write rate: {BR}")
    if not has_b and name == BR:
        raise entries.fail(keys, f"{BR} is for decays of B mesons", f"write rate: {SIGMA_BR}")
    produced = {channel.process.production for channel in channels}
    if name in {SIGMA, SIGMA_BR} and len(produced) > 1:
        raise entries.fail(
            keys, f"the channels have different productions: {', '.join(sorted(produced))}"
        )


def _expression(entries: Entries, keys: Keys, text: str, deriver: Deriver) -> Expression:
    parameters = deriver.model.parameters
    try:
        found = parse(text)
    except InputError as error:
        raise entries.fail(keys, error.message, error.hint) from None
    varied = found.names & set(parameters)
    unknown = sorted(found.names - set(parameters) - set(deriver.fixed))
    if unknown or not varied or found.is_boolean:
        word = unknown[0] if unknown else text
        raise entries.fail(
            keys,
            f"{word!r} is no parameter of {deriver.model.name}",
            did_you_mean(word, {*WORDS, *parameters}),
        )
    return found


def _by_place(expression: Expression) -> list[str]:
    """Return the names in the order in which the text has them."""
    return sorted(expression.names, key=expression.text.find)


def _check_varied(entries: Entries, grid: Grid, vary: str, channels: tuple[Channel, ...]) -> None:
    if vary in grid.places and vary not in grid.fixed:
        raise InputError(
            f"{grid.places[vary]}: {vary} is what the limit is on",
            hint="leave it out of the scan; 'fixed' may give its reference value",
        )
    for name, expression in grid.derived.items():
        if vary in expression.names:
            raise InputError(
                f"{grid.places[name]}: {name} follows from {vary}, which is what the limit is on"
            )
    for channel in channels:
        if "shape" in channel.process.roles.get(vary, frozenset()):
            raise entries.fail(
                ("rate",), f"{vary} shapes the events of {channel.process.name}", "scan it"
            )


def _span(entries: Entries, entry: Any, parameter: Parameter) -> tuple[float, float]:
    if "range" not in entry:
        if parameter.interest is None or parameter.interest[0] <= 0:
            raise entries.fail(("rate",), f"a range of {parameter.name} is wanted: [low, high]")
        return parameter.interest
    ends = entries.numbers(("rate", "range"), entry["range"], above=0)
    if len(ends) != 2 or ends[1] <= ends[0]:  # noqa: PLR2004
        raise entries.fail(("rate", "range"), "[low, high] is wanted here, above zero")
    import numpy as np

    for broken, bound in outside(parameter, np.array(ends)):
        if broken.any():
            raise entries.fail(("rate", "range"), f"{parameter.name} must be {bound}")
    return ends[0], ends[1]


def _points(entries: Entries, entry: Any, span: tuple[float, float]) -> int:
    import math

    default = max(2, math.ceil(PER_DECADE * math.log10(span[1] / span[0]))) + 1
    value = entries.number(("rate", "points"), entry.get("points", default), least=3)
    if value != int(value) or value > MOST_POINTS:
        raise entries.fail(("rate", "points"), f"a whole number up to {MOST_POINTS} is wanted")
    return int(value)
