"""Two results in one figure."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mcbook.report.figures import titles
from mcbook.report.figures.frame import Frame, scale_of, scale_of_grid
from mcbook.report.figures.scan import Scan, scan_of

_LINES = (("#1b3a57", 2.4), ("#e07a5f", 1.2))
"""Colours and widths: the second one shows where both agree."""


def draw_comparison(
    first: titles.Document, second: titles.Document, folder: Path, *, label: str = "own work"
) -> tuple[list[Path], list[str]]:
    """Draw the limits of two documents along the quantity that both scan.

    Parameters
    ----------
    first, second
        Limits with their settings.
    folder
        Where ``comparison.png`` and ``.pdf`` go to.
    label
        What stands behind the name of the experiment.

    Returns
    -------
    tuple
        The files, and notes on what was not drawn.
    """
    places = [scan_of(document) for document in (first, second)]
    names = {place.names for place in places}
    if len(names) != 1 or len(places[0].names) != 1:
        return [], ["no figure of the comparison: the results do not scan the same quantity"]
    frame = Frame(first, label)
    frame.heading = None  # each line tells its own level
    keys, what = _quantity(first, second)
    values = []
    for document, place, (colour, width) in zip((first, second), places, _LINES, strict=True):
        values += _draw(frame, document, place, keys, {"color": colour, "lw": width})
    model = titles.model_of(first)
    axes = frame.axes
    x = np.concatenate([place.columns[place.names[0]] for place in places])
    axes.set_xscale(scale_of_grid(np.unique(x)))
    axes.set_yscale(scale_of(np.array(values)))
    axes.set_xlabel(titles.title(places[0].names[0], model))
    axes.set_ylabel(f"limit on {titles.title(what, model)}")
    return frame.save(folder, "comparison"), []


def _quantity(first: titles.Document, second: titles.Document) -> tuple[tuple[str, ...], str]:
    """Return what both limit: the same rate, else the cross section, else the strength."""
    rates = [document.get("rate", {}).get("name") for document in (first, second)]
    if None in rates:
        return (), "mu"
    if rates[0] == rates[1]:
        return ("rate",), str(rates[0])
    return ("sigma_br_fb",), "sigma_br"


def _draw(
    frame: Frame,
    document: titles.Document,
    place: Scan,
    keys: tuple[str, ...],
    look: Mapping[str, Any],
) -> list[float]:
    """Draw one result; return its numbers."""
    order = place.order().tolist()
    rows = [document["limits"][i] for i in order]
    x = place.columns[place.names[0]][order]
    name = document.get("name") or document.get("result") or document["kind"]
    level = titles.level(document)
    found: list[float] = []
    for key, style in (("expected", "--"), ("observed", "-")):
        for number, line in enumerate(_lines(rows, keys, key)):
            if np.isfinite(line).any():
                shown = f"{name}, {key} ({level})" if number == 0 else None
                frame.axes.plot(x, line, style, label=shown, **look)
                found += line[np.isfinite(line)].tolist()
    return found


def _lines(rows: list[Any], keys: tuple[str, ...], key: str) -> list[Any]:
    """Return limits along the rows, or lower and upper edges of intervals."""
    values = []
    for row in rows:
        value = row[keys[0]][key] if keys else row[key]
        values.append(value[2] if key == "expected" else value)
    if not any(isinstance(value, list) for value in values):
        return [np.array([np.nan if v is None else v for v in values], dtype=float)]
    most = max(len(value or ()) for value in values)
    lines = np.full((2 * most, len(values)), np.nan)
    for place, value in enumerate(values):
        for k, edges in enumerate(value or ()):
            lines[2 * k : 2 * k + 2, place] = edges
    return list(lines)
