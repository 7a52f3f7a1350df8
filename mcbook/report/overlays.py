"""Published limits to draw beside one's own, from YAML."""

from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any, Literal, get_args

from mcbook.errors import did_you_mean
from mcbook.registry import yamlfile
from mcbook.registry.yamlfile import Document

SCHEMA = 1
Kind = Literal["curve", "region", "points"]
KINDS: tuple[Kind, ...] = get_args(Kind)

_NEEDED = ("name", "citation", "cl", "x", "y", "points")
_KEYS = (*_NEEDED, "kind", "credibility", "note")
_FEWEST = {"curve": 2, "region": 3, "points": 1}


@dataclass(frozen=True, slots=True)
class Overlay:
    """A published limit.

    Attributes
    ----------
    name
        What the legend calls it.
    citation
        Where it was published.
    cl
        Its confidence level, in (0, 1); a credibility level with `is_credibility`.
    x, y
        Quantities of the axes, by their names in the signal model.
    points
        Pairs of x and y, in the units of the model.
    kind
        A ``curve``, excluded above; a ``region``, excluded inside; or single ``points``.
    note
        What should be known about it.
    """

    name: str
    citation: str
    cl: float
    x: str
    y: str
    points: tuple[tuple[float, float], ...]
    kind: Kind = "curve"
    is_credibility: bool = False
    note: str = ""

    @property
    def label(self) -> str:
        """What the legend says: the name with the level, which need not be that of the rest."""
        level = "credibility" if self.is_credibility else "CL"
        return f"{self.name} ({100 * self.cl:g}% {level})"


def read_overlays(path: str | Path) -> tuple[Overlay, ...]:
    """Read published limits.

    Parameters
    ----------
    path
        A YAML file with ``schema: 1`` and a list ``limits:``; see
        `docs/how-to/overlay-published-limits.md`.

    Raises
    ------
    InputError
        If the file is not right: with its line.
    """
    document = yamlfile.read(path)
    document.check_schema(SCHEMA)
    document.check_keys((), ("schema", "limits"))
    entries = document.data.get("limits")
    if not isinstance(entries, list) or not entries:
        raise document.error(("limits",), "a list of published limits is wanted here")
    return tuple(_read(document, i) for i in range(len(entries)))


def _read(document: Document, index: int) -> Overlay:
    at = ("limits", index)
    document.check_keys(at, _KEYS)
    entry: dict[str, Any] = document.data["limits"][index]
    for key in _NEEDED:
        if key not in entry:
            raise document.error(at, f"the key {key!r} is missing")
    kind = entry.get("kind", "curve")
    if kind not in KINDS:
        raise document.error(
            (*at, "kind"), f"there is no kind {kind!r}", did_you_mean(str(kind), KINDS)
        )
    cl = entry["cl"]
    if isinstance(cl, bool) or not isinstance(cl, int | float) or not 0 < cl < 1:
        raise document.error((*at, "cl"), f"{cl!r} is no confidence level", "such as 0.90")
    credibility = entry.get("credibility", False)
    if not isinstance(credibility, bool):
        raise document.error((*at, "credibility"), "true or false is wanted here")
    return Overlay(
        **{key: _text(document, (*at, key), entry[key]) for key in ("name", "citation", "x", "y")},
        cl=float(cl),
        points=_points(document, (*at, "points"), entry["points"], _FEWEST[kind]),
        kind=kind,
        is_credibility=credibility,
        note=_text(document, (*at, "note"), entry["note"]) if "note" in entry else "",
    )


def _text(document: Document, at: tuple[str | int, ...], value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise document.error(at, f"a text is wanted here, not {value!r}")
    return value


def _points(
    document: Document, at: tuple[str | int, ...], value: Any, fewest: int
) -> tuple[tuple[float, float], ...]:
    if not isinstance(value, list) or len(value) < fewest:
        raise document.error(at, f"a list of at least {fewest} pairs [x, y] is wanted here")
    found = []
    for i, pair in enumerate(value):
        numbers = pair if isinstance(pair, list) else []
        if len(numbers) != 2 or not all(map(_is_number, numbers)):  # noqa: PLR2004
            raise document.error((*at, i), f"a pair of numbers is wanted here, not {pair!r}")
        found.append((float(numbers[0]), float(numbers[1])))
    return tuple(found)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
