"""What is made of limits besides the limits: files, figures, submissions, a comparison."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mcbook.errors import InputError, did_you_mean
from mcbook.report import files

if TYPE_CHECKING:
    from mcbook.analysis.result import AnalysisResult
    from mcbook.limits.histfactory.spec import Names
    from mcbook.limits.likelihoods import Array, Likelihoods
    from mcbook.report.overlays import Overlay

PRODUCTS = ("figures", "hepdata", "workspace")

FILES = (
    "workspace.json", "patchset.json", "hepdata/submission.yaml",
    *(f"{name}.{kind}" for name in ("limits", "limits_sigma_br", "plane", "comparison")
      for kind in ("png", "pdf")),
)  # fmt: skip
"""What a result may be written as besides ``limits.csv`` and ``limits.json``."""

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Signals:
    """Likelihoods of hypotheses, the places of these in the list of limits, and who varies."""

    rows: Sequence[int]
    likelihoods: "Likelihoods"
    varying: Sequence[str]
    names: "Names | None" = None


@dataclass(frozen=True, slots=True)
class Publication:
    """What is wanted, checked before anything is computed.

    Attributes
    ----------
    folder
        Where files go to; None for none.
    products
        Of `PRODUCTS`.
    label
        Label of figures.
    overlays
        Published limits in figures.
    other
        Limits to compare with.
    is_mixed
        Whether levels and methods may differ there.
    """

    folder: Path | None
    products: tuple[str, ...]
    label: str
    overlays: "tuple[Overlay, ...]"
    other: Row | None = field(repr=False)
    is_mixed: bool

    def write(
        self, document: Row, signals: Signals | None = None, result: "AnalysisResult | None" = None
    ) -> tuple[Row, list[str]]:
        """Write files; return ``files`` and ``comparison`` as they are reported, and notes.

        Parameters
        ----------
        document
            Limits with their settings.
        signals
            Likelihoods behind them, where there are any.
        result
            The limits of an analysis, with planes to draw.

        Raises
        ------
        InputError
            If results do not compare, or have no such form.
        WorkError
            If something cannot be written.
        """
        found: Row = {"files": []}
        notes: list[str] = []
        if self.other is not None:
            from mcbook.report.compare import compare

            found["comparison"] = compare(document, self.other, mixed=self.is_mixed)
        if self.folder is None:
            return found, notes
        content = {
            "limits.csv": files.limits_csv(document),
            "limits.json": files.limits_json(document),
        }
        products, before = self.products, _result_in(self.folder)
        if products and not has_limits(document):
            notes.append(f"no {', '.join(products)}: no hypothesis has a limit")
            products = ()
        if "workspace" in products and signals is not None:
            content |= workspace(document, signals)
        found["files"] = files.write(self.folder, content)
        drawn = self._draw(document, result, notes) if "figures" in products else []
        found["files"] += [str(path) for path in drawn]
        if "hepdata" in products:
            from mcbook.report.hepdata import write_submission

            figures = {
                f"Figure: {path.stem}": path
                for path in drawn
                if path.suffix == ".png" and path.stem != "comparison"
            }
            found["files"] += write_submission(document, self.folder / "hepdata", figures=figures)
        if before != document["result"] or before is None:
            notes += _left_over(self.folder, found["files"])
        return found, notes

    def _draw(self, document: Row, result: "AnalysisResult | None", notes: list[str]) -> list[Path]:
        from mcbook.report import figures

        folder = self.folder or Path()
        drawn = figures.draw(
            document,
            folder,
            result=result,
            overlays=self.overlays,
            label=self.label,
            samples=None if result is None else samples_of(result),
            notes=notes,
        )
        if self.other is None:
            return drawn
        try:
            labels = _labels(document, self.other)
            return drawn + figures.draw_comparison(
                document, self.other, folder, labels=labels, results=(result, None),
                label=self.label,
            )  # fmt: skip
        except InputError as error:
            notes.append(f"no figure of the comparison: {error.message}")
            return drawn


def _result_in(folder: Path) -> str | None:
    """Return the id of the result that a folder holds, None where it has none."""
    try:
        found = json.loads((folder / "limits.json").read_bytes()).get("result")
    except (OSError, ValueError, AttributeError):
        return None
    return found if isinstance(found, str) else None


def _left_over(folder: Path, written: Sequence[str]) -> list[str]:
    """Return a sentence about what an earlier result left in the folder."""
    there = [name for name in FILES if (folder / name).exists()]
    names = [name for name in there if str(folder / name) not in written]
    if not names:
        return []
    return [f"{folder} also has {', '.join(names)}, of another result"]


def _labels(document: Row, other: Row) -> tuple[str, str]:
    """Return what a legend calls two results: names, ids where these are the same; and methods."""
    both = (document, other)
    names = [entry.get("name") or entry["kind"] for entry in both]
    if names[0] == names[1]:
        ids = [entry.get("result") for entry in both]
        if None in ids or ids[0] == ids[1]:
            names = [f"{names[0]}, this one", f"{names[1]}, the other"]
        else:
            names = [f"{name} {id_}" for name, id_ in zip(names, ids, strict=True)]
    used = [sorted({row["method"] for row in entry["limits"] if row["method"]}) for entry in both]
    if used[0] != used[1]:
        names = [f"{name}, {' and '.join(how)}" for name, how in zip(names, used, strict=True)]
    return names[0], names[1]


def samples_of(result: "AnalysisResult") -> dict[str, "Array"]:
    """Return where the maps of an analysis have samples, by quantity, shape (n,) each.

    Maps with other axes than the rest have none.
    """
    import numpy as np

    from mcbook.efficiency import EfficiencyMap

    found: dict[str, list[Array]] = {}
    for entry in result.maps.values():
        if isinstance(entry, EfficiencyMap):
            for name, values in zip(entry.axes, entry.nodes.points.T, strict=True):
                found.setdefault(name, []).append(values)
    n_maps = len(result.maps)
    return {n: np.concatenate(parts) for n, parts in found.items() if len(parts) == n_maps}


def has_limits(document: Mapping[str, Any]) -> bool:
    """Return whether any hypothesis has a limit, observed or expected, on whatever is limited."""
    return any(
        found.get("observed") or any(found.get("expected") or ())
        for row in document["limits"]
        for found in (row, row.get("rate", {}))
    )


def asked(
    kind: str,
    *,
    output: str | Path | None,
    write: Sequence[str] | None,
    compare: str | Path | None,
    mixed: bool,
    overlay: str | Path | None,
    label: str,
) -> Publication:
    """Return what is wanted.

    Raises
    ------
    InputError
        If there is no such product, a file is not right, or the folder cannot be written.
    """
    products = _products(kind, write, has_output=output is not None)
    overlays: tuple[Overlay, ...] = ()
    if overlay is not None:
        if "figures" not in products:
            raise InputError("--overlay goes with figures", hint="--output DIR --write figures")
        from mcbook.report.overlays import read_overlays

        overlays = read_overlays(overlay)
    other = None
    if compare is not None:
        from mcbook.report.document import read_document

        other = read_document(compare)
    elif mixed:
        raise InputError("--mixed goes with --compare")
    folder = None if output is None else _folder(output)
    return Publication(folder, products, label, overlays, other, mixed)


def _products(kind: str, wanted: Sequence[str] | None, *, has_output: bool) -> tuple[str, ...]:
    if wanted is None:
        return PRODUCTS if kind == "analysis" and has_output else ()
    if isinstance(wanted, str):
        wanted = [word.strip() for word in wanted.split(",")]
    for word in wanted:
        if word not in {*PRODUCTS, "none"}:
            raise InputError(
                f"what can be written is {', '.join(PRODUCTS)} or none, not {word!r}",
                hint=did_you_mean(word, (*PRODUCTS, "none")),
            )
    found = tuple(name for name in PRODUCTS if name in wanted)
    if found and not has_output:
        raise InputError("--write needs a folder", hint="give one with --output")
    if "workspace" in found and kind == "workspace":
        raise InputError("the file is a workspace already", hint="leave it out of --write")
    return found


def _folder(output: str | Path) -> Path:
    """Return the folder of results, refused before anything is computed where it cannot be."""
    folder = Path(output)
    there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    if not there.is_dir():
        raise InputError(f"the folder {output} cannot be made: {there} is a file")
    if not os.access(there, os.W_OK | os.X_OK):
        raise InputError(f"the folder {output} cannot be written: no permission in {there}")
    return folder


def workspace(document: Mapping[str, Any], signals: Signals) -> dict[str, str]:
    """Return a pyhf workspace and its patchset, by the names of their files."""
    from mcbook.limits.histfactory import export

    hypotheses = []
    for place in signals.rows:
        row = document["limits"][place]
        extra = {key: row[key] for key in ("point", "samples") if row.get(key)}
        parameters = {name: row["parameters"][name] for name in signals.varying}
        hypotheses.append(export.Hypothesis(row["hypothesis"], parameters, extra))
    told = [document.get("title") or document.get("name") or "limits"]
    if document["result"]:
        told.append(f"result {document['result']}")
    if document["kind"] == "analysis" and not document["unblinded"]:
        told.append("box closed: the observations are the expected background")
    base, patchset = export.documents(
        signals.likelihoods, hypotheses, names=signals.names, description="; ".join(told)
    )
    return {"workspace.json": export.text(base), "patchset.json": export.text(patchset)}
