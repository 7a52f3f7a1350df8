"""Published limits to draw behind ours: a YAML file with a citation and a level for each."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mcbook.analysis.records import BR, SIGMA, SIGMA_BR, STRENGTH
from mcbook.errors import InputError
from mcbook.registry.entries import Entries
from mcbook.registry.expressions import parse
from mcbook.registry.yamlfile import Document, Keys, read

Array = NDArray[np.float64]
Kind = Literal["curve", "region", "range"]

OF_PROCESS = (SIGMA, SIGMA_BR, BR, STRENGTH)
KINDS = ("curve", "region", "range")
_NEEDED = ("name", "citation", "cl", "x", "y", "points")
_KEYS = (*_NEEDED, "kind", "process", "note", "credibility")
_LEAST = {"curve": 2, "region": 3, "range": 2}


@dataclass(frozen=True, slots=True)
class Overlay:
    """A published limit.

    Attributes
    ----------
    name
        What a legend calls it.
    citation
        Where it was published.
    cl
        Its confidence level in (0, 1), or credibility level.
    x, y
        Quantities on the axes: canonical text of a parameter, a lifetime, what is limited (``mu``,
        ``sigma``, ``sigma_br``, ``br``) or an expression.
    kind
        ``curve``: upper limits on y at rising x. ``region``: an excluded polygon, which closes
        itself. ``range``: two opposite corners of a box in which published limits lie, where only
        that is known.
    points
        Shape (n, 2), in the units of mcbook (GeV, mm, fb).
    process
        The process that is limited; empty where y tells. It is drawn on limits on that process
        alone.
    note
        What a reader should know.
    is_credibility
        Whether the level is a Bayesian one.
    """

    name: str
    citation: str
    cl: float
    x: str
    y: str
    kind: Kind
    points: Array = field(repr=False)
    process: str = ""
    note: str = ""
    is_credibility: bool = False

    @property
    def legend(self) -> str:
        """The entry in a legend, always with the level."""
        text = f"{self.name} ({level_text(self.cl, is_credibility=self.is_credibility)})"
        return f"{text}: range of limits" if self.kind == "range" else text


def level_text(cl: float, *, is_credibility: bool) -> str:
    """Return a level as figures and tables write it, such as ``90% CL``."""
    return f"{100 * cl:.6g}% {'credibility level' if is_credibility else 'CL'}"


def canonical(quantity: str) -> str:
    """Return the text of a quantity or an expression that does not depend on how it is spelt.

    Raises
    ------
    InputError
        If it is no expression.
    """
    return parse(quantity).canonical


def read_overlays(path: str | Path) -> tuple[Overlay, ...]:
    """Read published limits.

    The file has ``schema: 1`` and a list ``overlays``. Each entry has ``name``, ``citation``,
    ``cl`` (0.90 for 90%), ``x``, ``y``, ``points: [[x, y], ...]``, and where they are wanted
    ``kind`` (``curve`` by default, ``region`` or ``range``), ``process``, ``note`` and
    ``credibility: true``. Limits on a cross section or a branching fraction need the process. See
    `Overlay`.

    Raises
    ------
    InputError
        If the file is not like that; the message names the line.
    """
    document = read(path)
    document.check_schema(1)
    document.check_keys((), ("schema", "overlays"))
    listed = document.data.get("overlays")
    if not isinstance(listed, list) or not listed:
        raise document.error(("overlays",), "a list of published limits is wanted here")
    reader = _Reader(document)
    return tuple(reader.overlay(("overlays", i), entry) for i, entry in enumerate(listed))


class _Reader:
    """Reads entries of one file."""

    def __init__(self, document: Document) -> None:
        self.entries = Entries(document, Path(), ())

    def overlay(self, keys: Keys, value: Any) -> Overlay:
        given = self.entries.mapping(keys, value, _KEYS, _NEEDED)
        kind: Any = self.entries.choice((*keys, "kind"), given.get("kind", "curve"), KINDS)
        credibility = given.get("credibility", False)
        if not isinstance(credibility, bool):
            raise self.entries.fail((*keys, "credibility"), "write true or false")
        y = self.quantity((*keys, "y"), given["y"])
        if y in OF_PROCESS and "process" not in given:
            raise self.entries.fail(
                keys, f"{y} belongs to a process", "add its name: process: mumu_inv"
            )
        return Overlay(
            name=self.entries.text((*keys, "name"), given["name"]),
            citation=self.entries.text((*keys, "citation"), given["citation"]),
            cl=self.level((*keys, "cl"), given["cl"]),
            x=self.quantity((*keys, "x"), given["x"]),
            y=y,
            kind=kind,
            points=self.points((*keys, "points"), given["points"], kind),
            process=self.optional((*keys, "process"), given),
            note=self.optional((*keys, "note"), given),
            is_credibility=credibility,
        )

    def optional(self, keys: Keys, given: dict[str, Any]) -> str:
        name = keys[-1]
        return self.entries.text(keys, given[name]) if name in given else ""

    def level(self, keys: Keys, value: Any) -> float:
        found = self.entries.number(keys, value)
        if not 0 < found < 1:
            hint = f"write {found / 100:g}" if 1 < found < 100 else None  # noqa: PLR2004
            raise self.entries.fail(keys, f"a level lies between 0 and 1, not {value!r}", hint)
        return found

    def quantity(self, keys: Keys, value: Any) -> str:
        text = self.entries.text(keys, value)
        try:
            return canonical(text)
        except InputError as error:
            raise self.entries.fail(keys, error.message, error.hint) from None

    def points(self, keys: Keys, value: Any, kind: str) -> Array:
        if not isinstance(value, list) or not value:
            raise self.entries.fail(keys, "a list of points [x, y] is wanted here")
        found = np.array([self.point((*keys, i), entry) for i, entry in enumerate(value)])
        least = _LEAST[kind]
        if len(found) < least:
            raise self.entries.fail(keys, f"a {kind} needs {least} points or more")
        if kind == "range" and len(found) > least:
            raise self.entries.fail(keys, "a range is two opposite corners of a box")
        if kind == "curve" and (back := np.flatnonzero(np.diff(found[:, 0]) <= 0)).size:
            raise self.entries.fail(
                (*keys, int(back[0]) + 1),
                f"x does not rise: {found[back[0] + 1, 0]:g} stands behind {found[back[0], 0]:g}",
                "kind: region draws a closed polygon",
            )
        return found

    def point(self, keys: Keys, value: Any) -> tuple[float, float]:
        if not isinstance(value, list) or len(value) != 2:  # noqa: PLR2004
            raise self.entries.fail(keys, f"a point is [x, y], not {value!r}")
        x, y = self.entries.numbers(keys, value)
        return x, y
