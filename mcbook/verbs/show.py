"""``mcbook show``: all that the books know about a sample."""

from collections.abc import Mapping, Sequence
from typing import Any

from mcbook.catalog import collection, files, lifecycle
from mcbook.catalog.dump import stored_rows, table_of
from mcbook.catalog.names import constants_in
from mcbook.catalog.store import open_catalog
from mcbook.catalog.writer import Reader
from mcbook.registry.expressions import parse
from mcbook.verbs.lookup import one_sample
from mcbook.verbs.simulations import described


def show(sample_id: str, *, catalog: str | None = None) -> dict[str, Any]:
    """Return all that the books know about a sample.

    Parameters
    ----------
    sample_id
        The id, or a prefix that only this sample has.
    catalog
        Path or URL of the catalog.

    Returns
    -------
    dict
        What `mcbook.query` gives, and ``cards``, ``parts``, ``points``, ``cross_section_fb`` of the
        process as written at the sample's own parameters (what the generator found where there are
        events, with ``expected`` by the registry), ``cross_section_includes`` (the branching
        fractions that it holds), ``constants`` (of the model, with the values that cross sections
        and all other derived quantities are computed with; points have their own), ``settings``,
        ``templates``, ``shared_files``, ``history``; ``tags``, ``owner``, ``notes`` (each with
        ``at``, ``who``, ``text``), ``collections`` by name, and of a retired one ``retired`` with
        ``at``, ``who``, ``why``. A process of a decay has no cross section, but
        a ``branching_fraction`` with the same keys: that of the parent to what the process makes,
        the fractions it includes multiplied in. ``reasons`` says why a derived quantity is null,
        ``width_model`` which approximation a width is that stands on a table, here and at each
        point. Paths are absolute.

    Raises
    ------
    InputError
        If no sample or several samples have that prefix.
    """
    with open_catalog(catalog, mode="read") as opened, opened.reading() as books:
        return describe(books, one_sample(books, sample_id))


def describe(books: Reader, sample: Mapping[str, Any]) -> dict[str, Any]:
    """Return all that the books know about the sample of a row."""
    definitions = table_of("definitions")
    (definition,) = stored_rows(books, "definitions", definitions.c.digest == sample["definition"])
    document, facts = definition["document"], definition["facts"]
    points = _rows(books, "points", sample)
    constants = _constants(books, definition["document"], [sample, *points])
    wide = sorted({name for row in points for name in row["wide"] or ()})
    made = files.of_sample(books, sample["id"])
    history = _rows(books, "history", sample)
    return {
        **{name: sample[name] for name in ("id", "model", "process", "generator", "status")},
        "parameters": sample["parameters"],
        "constants": constants[sample["formulas"]],
        "derived": sample["derived"],
        **_remarks(sample),
        **_rates(sample["expected_rate"], facts, wide, files.cross_section(made)),
        "cross_section_includes": _fractions(facts),
        "n_events": sample["n_events"],
        "events_target": sample["events_target"],
        "directory": _path(books, sample["storage"], sample["directory"]),
        "created": sample["created"],
        **_words(books, sample["id"], history),
        "digest": sample["digest"],
        "definition": sample["definition"],
        "supersedes": sample["supersedes"],
        "superseded_by": _followers(books, sample["id"]),
        "settings": document["settings"],
        "templates": document["templates"],
        "points": [
            {
                **{key: row[key] for key in ("parameters", "derived", "factor", "wide")},
                "constants": constants[row["formulas"]],
                "width_model": _remarks(row)["width_model"],
            }
            for row in points
        ],
        "parts": _parts(books, sample, made),
        "cards": _cards(books, sample),
        "simulations": described(books, [sample["id"]]),
        "shared_files": _shared_files(books, sample),
        "history": [{key: row[key] for key in ("at", "who", "event", "detail")} for row in history],
    }


def _words(books: Reader, identity: str, history: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return what people say of a sample."""
    retired = lifecycle.retirements(books, [identity])
    return {
        **({"retired": retired[identity]} if retired else {}),
        "tags": lifecycle.tags_of(books, [identity]).get(identity, []),
        "owner": lifecycle.owners_of(books, [identity])[identity],
        "notes": lifecycle.notes_in(history),
        "collections": collection.names_with(books, identity),
    }


def _remarks(row: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Return what the books say of derived quantities: why one is null, what a width stands on."""
    found: dict[str, dict[str, str]] = {"reasons": {}, "width_model": {}}
    for name, text in (row["reasons"] or {}).items():
        found["reasons" if row["derived"].get(name) is None else "width_model"][name] = text
    return found


def _rows(books: Reader, table: str, sample: Mapping[str, Any]) -> list[dict[str, Any]]:
    column = table_of(table).c.sample_id
    return list(stored_rows(books, table, column == sample["id"]))


def _constants(
    books: Reader, document: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]
) -> dict[str, dict[str, float]]:
    """Return the constants of the model that values of the rows depend on, by their formulas."""
    column = table_of("formula_sets").c.digest
    found = {}
    for key in {row["formulas"] for row in rows}:
        (used,) = stored_rows(books, "formula_sets", column == key)
        numbers = {n: float(v) for n, v in used["versions"].items() if isinstance(v, int | float)}
        found[key] = constants_in(document) | numbers
    return found


def _path(books: Reader, storage: str, path: str) -> str:
    return str(books.root_path(storage) / path)


def _followers(books: Reader, identity: str) -> list[str]:
    column = table_of("samples").c.supersedes
    return [row["id"] for row in stored_rows(books, "samples", column == identity)]


def _rates(
    rate: float | None,
    facts: Mapping[str, Any],
    wide: list[str],
    measured: tuple[float, float] | None,
) -> dict[str, Any]:
    """Return what the generator reports or should [fb], or the fraction of decays it makes."""
    expected = _expected(rate, facts, wide)
    if facts["unit"] == "fb" and measured is not None:
        value, error = measured
        found = {"value": value, "error": error, "source": "generator", "expected": rate}
        return {"cross_section_fb": found | {k: v for k, v in expected.items() if k == "warning"}}
    if facts["unit"] == "fb":
        return {"cross_section_fb": expected}
    reason = f"{facts['production']} is no cross section"
    if facts["unit"] != "1":
        return {"cross_section_fb": {"value": None, "error": None, "reason": reason}}
    reason += ": see branching_fraction"
    return {
        "cross_section_fb": {"value": None, "error": None, "reason": reason},
        "branching_fraction": expected,
    }


def _expected(rate: float | None, facts: Mapping[str, Any], wide: list[str]) -> dict[str, Any]:
    """Return production times fractions; a formula has no statistical error."""
    if rate is None:
        return {"value": None, "error": None, "reason": "not defined at these parameters"}
    warning = (
        {"warning": f"narrow-width limit: {', '.join(wide)} is wide here, it can be far off"}
        if wide
        else {}
    )
    return {
        **warning,
        "value": rate,
        "error": None,
        "reason": "no events are in the books yet: a formula has no statistical error",
        "source": f"registry: {facts['production']}",
    }


def _fractions(facts: Mapping[str, Any]) -> list[str]:
    """Return the names of the branching fractions in the generator's cross section."""
    return sorted(parse(facts["fraction"]).names) if facts["fraction"] else []


def _parts(
    books: Reader, sample: Mapping[str, Any], made: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Return the parts with their files."""
    return [
        {
            **{key: row[key] for key in ("number", "events", "seed", "status")},
            "directory": _path(books, row["storage"], row["directory"]),
            "files": [_file(books, file) for file in made if file["part"] == row["number"]],
        }
        for row in _rows(books, "parts", sample)
    ]


def _file(books: Reader, file: Mapping[str, Any]) -> dict[str, Any]:
    keys = ("tier", "sha256", "size", "events", "cross_section_fb", "cross_section_error_fb",
            "version", "at", "who")  # fmt: skip
    path = _path(books, file["storage"], file["path"])
    return {"path": path, **{key: file[key] for key in keys}}


def _cards(books: Reader, sample: Mapping[str, Any]) -> list[dict[str, Any]]:
    storage = {0: sample["storage"]}
    storage |= {row["number"]: row["storage"] for row in _rows(books, "parts", sample)}
    return [
        {
            "path": _path(books, storage[row["part"]], row["path"]),
            "sha256": row["sha256"],
            "part": row["part"] or None,
        }
        for row in _rows(books, "cards", sample)
    ]


def _shared_files(books: Reader, sample: Mapping[str, Any]) -> list[dict[str, Any]]:
    table = table_of("shared_files")
    found = stored_rows(
        books,
        "shared_files",
        table.c.definition == sample["definition"],
        table.c.storage == sample["storage"],
    )
    return [
        {"path": _path(books, row["storage"], row["path"]), "sha256": row["sha256"]}
        for row in found
    ]
