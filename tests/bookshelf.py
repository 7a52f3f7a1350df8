"""Books to test with: on SQLite, and on PostgreSQL where ``MCBOOK_TEST_PG_URL`` names a server."""

import hashlib
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from mcbook.catalog.json_text import as_json
from mcbook.catalog.rows import (
    CardRow,
    DefinitionRow,
    HistoryRow,
    PartRow,
    PointRow,
    SampleRow,
    SharedFileRow,
)
from mcbook.catalog.store import open_catalog
from mcbook.catalog.writer import Writer

NewBooks = Callable[[], str]

#: For a test that is long, and to which the kind of books makes no difference.
on_files = pytest.mark.parametrize("new_schema", ["sqlite"], indirect=True)
#: For a test of what only a server does.
on_server = pytest.mark.parametrize(
    "new_schema", [pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True
)


@pytest.fixture
def new_books(new_schema: NewBooks | None, tmp_path: Path) -> NewBooks:
    """Give locations at which no catalog is yet."""

    def new() -> str:
        folder = tmp_path / uuid.uuid4().hex[:8]
        folder.mkdir()
        return str(folder / "mcbook.db")

    return new_schema or new


@pytest.fixture
def location(new_books: NewBooks) -> str:
    """Give one location at which no catalog is yet."""
    return new_books()


def booked(statement: str, where: str | None = None) -> list[tuple[object, ...]]:
    """Return what the books say to a SELECT, in order; those of the current folder by default."""
    with open_catalog(where, mode="read") as catalog, catalog.reading() as books:
        return sorted(tuple(row) for row in books.connection.exec_driver_sql(statement))


def sha(text: str) -> str:
    """Return a digest that belongs to a text."""
    return hashlib.sha256(text.encode()).hexdigest()


def sample_id(model: str, label: str) -> str:
    """Return the id of the sample that `add_sample` makes under this label."""
    return f"{model}-{sha(model + label)[:12]}"


def define(
    books: Writer,
    model: str,
    *,
    root: Path,
    shape: tuple[str, ...] = ("m_x",),
    quantities: dict[str, object] | None = None,
) -> None:
    """Add the definition that the samples of a model share here."""
    storage = books.add_root(root)
    document = {"model": model, "process": "mumu_inv", "generator": "madgraph", "settings": {}}
    document |= {"closure": {"quantities": quantities or {}}, "templates": {}}
    facts = {"shape": list(shape), "production": "xsec_x", "unit": "fb", "fraction": None}
    books.add_definitions([DefinitionRow(sha(model), as_json(document), as_json(facts))])
    path = f"ufo/{model}/parameters.py"
    books.add_shared_files([SharedFileRow(sha(model), storage, path, sha(path))])


def add_sample(  # noqa: PLR0913
    books: Writer,
    model: str,
    label: str,
    parameters: dict[str, float],
    *,
    root: Path,
    points: list[dict[str, float]] | None = None,
    derive: Callable[[dict[str, float]], dict[str, float | None]] = lambda _: {},
    seeds: tuple[int, ...] = (),
    created: str = "2026-01-01T00:00:00Z",
    status: str = "generated",
    process: str = "mumu_inv",
    cards: str = "",
    constants: dict[str, float] | None = None,
) -> str:
    """Add one sample with points, parts and cards; return its id."""
    storage = books.add_root(root)
    identity = sample_id(model, label)
    formulas = books.add_formulas({"width_x": "width_x@1", **(constants or {})})
    row = SampleRow(
        id=identity,
        digest=sha(model + label),
        definition=sha(model),
        model=model,
        process=process,
        generator="madgraph",
        status=status,
        events_target=1000 * len(seeds),
        storage=storage,
        directory=identity,
        formulas=formulas,
        parameters=as_json(parameters),
        derived=as_json(derive(parameters)),
        created=created,
    )
    books.add_samples([row])
    books.add_points(
        PointRow(identity, sha(str(p)), 1.0, formulas, as_json(p), as_json(derive(p)))
        for p in points or [parameters]
    )
    books.add_cards([CardRow(identity, 0, f"{identity}/sample.json", sha(identity + cards))])
    for number, seed in enumerate(seeds, 1):
        folder = f"{identity}/parts/{number:04d}"
        books.add_parts([PartRow(identity, number, 1000, seed, "planned", storage, folder)])
        path = f"{folder}/launch.mg5"
        books.add_cards([CardRow(identity, number, path, sha(f"{seed}{cards}"))])
    detail = as_json({"parts": len(seeds), "events": 1000 * len(seeds)})
    books.add_history([HistoryRow(identity, "planned", detail, at=created, who="me")])
    return identity
