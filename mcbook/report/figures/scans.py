"""What figures show, as arrays: limits along one quantity, in a plane, and as intervals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mcbook.analysis.records import SIGMA_BR, STRENGTH
from mcbook.analysis.result import Plane
from mcbook.analysis.rows import REFUSED, VETOED

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Row = Mapping[str, Any]
Document = Mapping[str, Any]

N_EXPECTED = 5
MEDIAN = 2
EXPECTED = ("expected-2", "expected-1", "expected", "expected+1", "expected+2")
OBSERVED = "observed"


@dataclass(frozen=True, slots=True)
class Scan:
    """Upper limits along one quantity, n hypotheses with rising x.

    Attributes
    ----------
    what
        What is limited.
    x_name, x
        The quantity and its values, shape (n,).
    observed
        Observed limits, shape (n,); NaN where there is none, or the box is closed.
    expected
        Expected limits at -2 to 2 standard deviations, shape (n, 5).
    postfit
        Median expected limits after the fit to data, shape (n,).
    refused, vetoed
        Where there is no limit, shape (n,).
    """

    what: str
    x_name: str
    x: Array
    observed: Array
    expected: Array
    postfit: Array
    refused: Mask
    vetoed: Mask

    @property
    def is_empty(self) -> bool:
        """Whether there is no limit at all."""
        return bool(np.isnan(self.expected).all() and np.isnan(self.observed).all())


Interval = tuple[float, float, bool, bool]
"""Lower and upper end of an excluded range, and which of the two are edges."""


@dataclass(frozen=True, slots=True)
class Islands:
    """Excluded ranges of what is limited along one quantity, n hypotheses with rising x.

    `curves` holds a list of intervals for each hypothesis, by the names of `EXPECTED` and
    ``observed``; other attributes are those of `Scan`.
    """

    what: str
    x_name: str
    x: Array
    curves: Mapping[str, Sequence[Sequence[Interval]]]
    refused: Mask
    vetoed: Mask


@dataclass(frozen=True, slots=True)
class Field:
    """Limits in a plane, shape (nx, ny).

    Attributes
    ----------
    x_name, y_name, x, y
        Quantities and their rising values, shapes (nx,) and (ny,).
    log10_mu
        Limits on the strength by curve; plus infinity where there is no signal.
    rate
        Limits on what is limited, by curve, where a map of them is wanted: where they are numbers,
        and not the strength of the predicted signal of an analysis. Else empty.
    refused, vetoed
        Where there is no limit.
    """

    x_name: str
    y_name: str
    x: Array
    y: Array
    log10_mu: Mapping[str, Array]
    rate: Mapping[str, Array]
    refused: Mask
    vetoed: Mask

    @property
    def mask(self) -> Mask:
        """Where no line may pass."""
        return self.refused | self.vetoed


def limited(document: Document) -> str:
    """Return the name of what is limited: the signal strength where there is no analysis."""
    return str(document["rate"]["name"]) if "rate" in document else STRENGTH


def has_intervals(document: Document) -> bool:
    """Return whether limits are ranges of a coupling and no numbers."""
    return any(row.get("rate", {}).get("kind") == "intervals" for row in document["limits"])


def independent(document: Document) -> list[str]:
    """Return the parameters that tell hypotheses apart; those that follow from them are left out.

    Those that the file scans come first. Two that it scans are both there unless one rises or falls
    with the other: points that are scattered in a plane lie on no line.
    """
    rows = document["limits"]
    scanned = document.get("scanned", [])
    names = dict.fromkeys(scanned)
    names |= dict.fromkeys(name for row in rows for name in row["parameters"])
    vary = document.get("rate", {}).get("vary")
    found: list[str] = []
    size = 1
    for name in names:
        if name == vary:
            continue
        seen = {tuple(row["parameters"].get(n) for n in (*found, name)) for row in rows}
        is_scattered = len(found) == 1 and name in scanned and not _is_line(rows, found[0], name)
        if len(seen) > size or is_scattered:
            found.append(name)
            size = len(seen)
    return found


def _is_line(rows: Sequence[Row], first: str, second: str) -> bool:
    """Return whether one parameter rises or falls with another."""
    pairs = _numbers([[row["parameters"].get(name) for name in (first, second)] for row in rows])
    steps = np.diff(pairs[np.argsort(pairs[:, 0]), 1])
    return bool((steps >= 0).all() or (steps <= 0).all())


def scan_of(document: Document, x_name: str, what: str) -> Scan | None:
    """Return the limits along a quantity; None where hypotheses share values of it.

    Parameters
    ----------
    document
        The limits.
    x_name
        A parameter or lifetime.
    what
        What is limited, or ``sigma_br``.
    """
    placed = _placed(document, x_name)
    if placed is None:
        return None
    x, rows = placed
    bands = [_bands(row, document, what) for row in rows]
    postfit = [band.get("expected_postfit") or [None] * N_EXPECTED for band in bands]
    return Scan(
        what,
        x_name,
        x,
        _numbers([band["observed"] for band in bands]),
        _numbers([band["expected"] for band in bands]),
        _numbers(postfit)[:, MEDIAN],
        *_gaps(rows),
    )


def islands_of(document: Document, x_name: str) -> Islands | None:
    """Return excluded ranges along a quantity; None where hypotheses share values of it."""
    placed = _placed(document, x_name)
    if placed is None:
        return None
    x, rows = placed
    curves: dict[str, list[list[Interval]]] = {name: [] for name in (*EXPECTED, OBSERVED)}
    for row in rows:
        rate = row["rate"]
        opened = rate.get("open") or {}
        ends = opened.get("expected") or [[]] * N_EXPECTED
        for name, band, end in zip(EXPECTED, rate["expected"], ends, strict=True):
            curves[name].append(_intervals(band, end))
        curves[OBSERVED].append(_intervals(rate["observed"], opened.get("observed")))
    return Islands(limited(document), x_name, x, curves, *_gaps(rows))


def field_of(document: Document, x_name: str, y_name: str) -> Field | None:
    """Return limits in a plane of two parameters; None where hypotheses are no grid in it.

    Points of the grid without a hypothesis count as refused; they may be half of it.
    """
    rows = document["limits"]
    points = _numbers([[row["parameters"].get(n) for n in (x_name, y_name)] for row in rows])
    if np.isnan(points).any() or len(np.unique(points, axis=0)) < len(rows):
        return None
    (x, i), (y, j) = (np.unique(points[:, k], return_inverse=True) for k in (0, 1))
    shape = (len(x), len(y))
    if 2 * len(rows) < len(x) * len(y):
        return None
    refused, vetoed = np.ones(shape, dtype=bool), np.zeros(shape, dtype=bool)
    refused[i, j], vetoed[i, j] = _gaps(rows)

    def curves(what: str) -> dict[str, Array]:
        bands = [_bands(row, document, what) for row in rows]
        values = _numbers([[*band["expected"], band["observed"]] for band in bands])
        found = {}
        for k, name in enumerate((*EXPECTED, OBSERVED)):
            found[name] = np.full(shape, np.nan)
            found[name][i, j] = values[:, k]
        return found

    is_excluded = "rate" in document and limited(document) == STRENGTH
    rate = {} if is_excluded or has_intervals(document) else curves(limited(document))
    mu = {name: np.log10(values) for name, values in curves(STRENGTH).items()}
    silent = np.isnan(mu["expected"]) & ~refused & ~vetoed
    for name in EXPECTED:
        mu[name][silent] = np.inf
    return Field(x_name, y_name, x, y, mu, rate, refused, vetoed)


def field_of_plane(plane: Plane, islands: Islands) -> Field:
    """Return the plane of a quantity and the coupling that is limited."""
    vetoed = np.isin(plane.x, islands.x[islands.vetoed])[:, None] & plane.mask
    curves = {n: v for n, v in plane.log10_mu.items() if n in {*EXPECTED, OBSERVED}}
    curves.setdefault(OBSERVED, np.full(plane.mask.shape, np.nan))
    refused = plane.mask & ~vetoed
    return Field(plane.x_name, plane.y_name, plane.x, plane.y, curves, {}, refused, vetoed)


def _placed(document: Document, x_name: str) -> tuple[Array, list[Row]] | None:
    """Return rows in the order of a quantity, with its values."""
    rows = document["limits"]
    x = _numbers([row["parameters"].get(x_name) for row in rows])
    if np.isnan(x).any() or len(np.unique(x)) < len(x):
        return None
    order = np.argsort(x)
    return x[order], [rows[i] for i in order.tolist()]


def _bands(row: Row, document: Document, what: str) -> Mapping[str, Any]:
    """Return the mapping in a row that holds the limits on something."""
    if "rate" in document and what == limited(document):
        found: Mapping[str, Any] = row["rate"]
        return found
    return row["sigma_br_fb"] if what == SIGMA_BR else row


def _gaps(rows: Sequence[Row]) -> tuple[Mask, Mask]:
    """Return where limits were refused, and where vetoed."""
    refused = [
        REFUSED in row["flags"]
        if "flags" in row
        else row["observed"] is None and all(value is None for value in row["expected"])
        for row in rows
    ]
    vetoed = [VETOED in row.get("flags", ()) for row in rows]
    return np.array(refused, dtype=bool), np.array(vetoed, dtype=bool)


def _intervals(band: Any, ends: Any) -> list[Interval]:
    found = band or []
    is_open = ends or [("", "")] * len(found)
    return [
        (low, high, not open_low, not open_high)
        for (low, high), (open_low, open_high) in zip(found, is_open, strict=True)
        if low is not None and high is not None
    ]


def _numbers(values: Sequence[Any]) -> Array:
    """Return numbers with NaN for None."""
    return np.array(values, dtype=np.float64)
