"""``mcbook efficiency acceptance``: a table of efficiencies from generated events alone."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mcbook.catalog import files
from mcbook.catalog.store import open_catalog
from mcbook.catalog.writer import Reader
from mcbook.efficiency.table import COLUMNS
from mcbook.errors import InputError, WorkError
from mcbook.lhe.momenta import read_momenta
from mcbook.production.publish import Progress, file_sha256
from mcbook.selection.acceptance import PHOTONS_DEG, TRACKS_DEG, Thresholds, accepted, undecayed
from mcbook.verbs.efficiencies import known_samples
from mcbook.verbs.lookup import samples_to_make

Row = dict[str, Any]

REGION = "acceptance"

_KIND = "# Geometric acceptance of generated events"
_TIER = "lhe"
_DIGITS = 12


def measure_acceptance(
    output: str | Path,
    expression: str | None = None,
    *,
    min_pt: float = 0.1,
    min_energy: float = 0.1,
    catalog: str | None = None,
    models_dir: str | Path | None = None,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> Row:
    """Write how many events of each sample have all that can be seen of them in the detector.

    All charged final particles must be in the drift chamber and all photons in the calorimeter,
    see `mcbook.selection.acceptance`; there is no trigger, no reconstruction and no selection.

    Parameters
    ----------
    output
        The table, a ``.csv`` file; one of this kind that is there is replaced.
    expression
        Which samples; None means all. They must be of one process.
    min_pt
        The least transverse momentum of a track in the laboratory [GeV].
    min_energy
        The least energy of a photon in the laboratory [GeV].
    catalog
        Path or URL of the catalog.
    models_dir
        A folder of models that is looked into first.
    dry_run
        Count everything, and write nothing.
    progress
        Called with the number of samples done and their total.

    Returns
    -------
    dict
        ``catalog``; ``file``; ``new``, whether it was not there like this; ``region``; ``min_pt``
        and ``min_energy`` [GeV]; ``axes``, the parameters in it; ``rows``, each with ``sample_id``,
        ``n_generated``, ``n_selected`` and the parameters; ``notes``, why samples were left out.

    Raises
    ------
    InputError
        If an option or the expression is not right, the file is there and something else, no
        sample has events, or they are of several processes.
    WorkError
        If a file with events is gone, or not what the books say.
    """
    thresholds = Thresholds(min_pt, min_energy)
    target = Path(output)
    _check_replaceable(target)
    notes: list[str] = []
    with open_catalog(catalog, mode="read") as opened, opened.reading() as books:
        ids = samples_to_make(books, expression, models_dir, notes)
        samples = list(known_samples(books, set(ids)).values())
        made = _with_events(books, samples, notes)
        location = opened.location
    axes = telling_apart([sample for sample, _ in made])
    rows = list(_measured(made, axes, thresholds, notes, progress))
    if not rows:
        raise InputError(
            "no sample has events that can be looked at",
            hint="; ".join(notes) or "`mcbook run` makes them",
        )
    text = _text(rows, axes, thresholds)
    is_new = not target.is_file() or target.read_text(encoding="utf-8") != text
    if is_new and not dry_run:
        _write(target, text)
    return {
        "catalog": location,
        "file": str(output),
        "new": is_new,
        "region": REGION,
        "min_pt": min_pt,
        "min_energy": min_energy,
        "axes": axes,
        "rows": rows,
        "notes": notes,
    }


def _check_replaceable(target: Path) -> None:
    """Refuse a place that is not for such a table."""
    if target.suffix.lower() != ".csv":
        raise InputError(f"{target}: the table is a .csv file", hint="for example acceptance.csv")
    if not target.exists():
        if not target.absolute().parent.is_dir():
            raise InputError(f"{target}: its folder is not there")
        return
    if not target.is_file() or not target.read_bytes().startswith(_KIND.encode()):
        raise InputError(
            f"{target} is there, and no table of this command", hint="give another name"
        )


Made = list[tuple[Row, list[tuple[Path, Row]]]]


def _with_events(books: Reader, samples: Sequence[Row], notes: list[str]) -> Made:
    """Return the samples that have events, each with its files; the others are told."""
    roots = books.roots()
    found: Made = []
    for sample in samples:
        listed = [row for row in files.of_sample(books, sample["id"]) if row["tier"] == _TIER]
        if listed:
            found.append((sample, [(roots[row["storage"]] / row["path"], row) for row in listed]))
    if without := len(samples) - len(found):
        notes.append(f"{without} sample{'s' * (without > 1)} left: without events of tier {_TIER}")
    return found


def telling_apart(samples: Sequence[Row]) -> list[str]:
    """Return the parameters that tell samples apart; all that shape events where there is one.

    Raises
    ------
    InputError
        If the samples are of several processes, or nothing tells two of them apart.
    """
    kinds = sorted({f"{sample['model']} {sample['process']}" for sample in samples})
    if len(kinds) > 1:
        raise InputError(
            f"the samples are of several processes: {', '.join(kinds)}",
            hint="a table is of one: \"model == '...' and process == '...'\"",
        )
    shape = list(dict.fromkeys(name for sample in samples for name in sample["shape"]))
    others = dict.fromkeys(name for sample in samples for name in sample["parameters"])
    values = {
        name: {sample["parameters"].get(name) for sample in samples} for name in [*shape, *others]
    }
    # what only scales a rate has one value in all samples, unless it shapes events here
    shape += [name for name in others if name not in shape and len(values[name]) > 1]
    known = [name for name in shape if None not in values[name]]
    axes = [name for name in known if len(values[name]) > 1] if len(samples) > 1 else known
    seen: dict[tuple[Any, ...], str] = {}
    for sample in samples:
        point = tuple(sample["parameters"].get(name) for name in axes)
        if (other := seen.setdefault(point, sample["id"])) != sample["id"]:
            raise InputError(
                f"{other} and {sample['id']} are of the same point",
                hint="name the ones that are meant, as by \"generator == 'native'\"",
            )
    return axes


def _measured(
    made: Made,
    axes: Sequence[str],
    thresholds: Thresholds,
    notes: list[str],
    progress: Progress | None,
) -> Iterator[Row]:
    """Yield the counts of each sample, in the order of its parameters."""
    placed = [([sample["parameters"][name] for name in axes], sample["id"], listed)
              for sample, listed in made]  # fmt: skip
    for done, (point, identity, listed) in enumerate(sorted(placed, key=lambda one: one[:2]), 1):
        counts = [_counted(identity, path, row, thresholds, notes) for path, row in listed]
        if None not in counts:
            generated, selected = (
                sum(column) for column in zip(*filter(None, counts), strict=True)
            )
            yield {
                "sample_id": identity,
                "n_generated": generated,
                "n_selected": selected,
                **dict(zip(axes, point, strict=True)),
            }
        if progress is not None:
            progress(done, len(placed))


def _counted(
    identity: str, path: Path, row: Mapping[str, Any], thresholds: Thresholds, notes: list[str]
) -> tuple[int, int] | None:
    """Return how many events a file has and how many of them are accepted; None if nobody knows."""
    if not path.is_file():
        raise WorkError(f"{identity}: {path} is gone", hint="`mcbook check` lists what is missing")
    if file_sha256(path) != row["sha256"]:
        raise WorkError(
            f"{identity}: {path} is not the file that the books know",
            hint="`mcbook verify` compares all of them",
        )
    particles = read_momenta(path)
    if names := undecayed(particles):
        told = ", ".join(map(str, names))
        notes.append(f"{identity} left: particles that would be seen are not decayed, PDG {told}")
        return None
    return particles.n_events, int(accepted(particles, thresholds).sum())


def _text(rows: Sequence[Row], axes: Sequence[str], thresholds: Thresholds) -> str:
    """Return the table as it stands in the file."""
    tracks, photons = (f"{low:g} to {high:g} degrees" for low, high in (TRACKS_DEG, PHOTONS_DEG))
    out = io.StringIO()
    out.write(
        f"{_KIND}: no trigger, no reconstruction, no selection.\n"
        "# In the laboratory of Belle II, from the interaction point: charged particles at\n"
        f"# {tracks}, p_T > {thresholds.min_pt:g} GeV; photons at {photons},"
        f" E > {thresholds.min_energy:g} GeV.\n"
    )
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*COLUMNS, *axes])
    for row in rows:
        generated, selected = row["n_generated"], row["n_selected"]
        point = [f"{row[name]:.{_DIGITS}g}" for name in axes]
        counts = [generated, selected, generated, selected, selected]  # each event weighs 1
        writer.writerow([row["sample_id"], REGION, *counts, *point])
    return out.getvalue()


def _write(target: Path, text: str) -> None:
    """Put the table into place, whole or not at all."""
    aside = target.with_name(f".{target.name}.part")
    try:
        aside.write_text(text, encoding="utf-8")
        aside.replace(target)
    except OSError as error:
        raise WorkError(f"{target} cannot be written: {error.strerror or error}") from error
