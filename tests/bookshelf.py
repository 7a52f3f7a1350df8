"""Books to test with: on SQLite, and on PostgreSQL where ``MCBOOK_TEST_PG_URL`` names a server."""

import hashlib
import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url

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
from mcbook.catalog.writer import Writer

PG_VARIABLE = "MCBOOK_TEST_PG_URL"
NewBooks = Callable[[], str]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def new_books(request, tmp_path: Path) -> Iterator[NewBooks]:
    """Give locations at which no catalog is yet."""
    if request.param == "sqlite":

        def new() -> str:
            folder = tmp_path / uuid.uuid4().hex[:8]
            folder.mkdir()
            return str(folder / "mcbook.db")

        yield new
        return
    url = os.environ.get(PG_VARIABLE)
    if not url:
        pytest.skip(f"{PG_VARIABLE} is not set")
    server = make_url(url).set(drivername="postgresql+psycopg")
    engine = create_engine(server)
    schemas: list[str] = []

    def new_schema() -> str:
        schemas.append(f"mcbook_test_{uuid.uuid4().hex[:12]}")
        with engine.begin() as connection:
            connection.exec_driver_sql(f'CREATE SCHEMA "{schemas[-1]}"')
        placed = server.update_query_dict({"options": f"-csearch_path={schemas[-1]}"})
        return placed.render_as_string(hide_password=False)

    yield new_schema
    with engine.begin() as connection:
        for schema in schemas:
            connection.exec_driver_sql(f'DROP SCHEMA "{schema}" CASCADE')
    engine.dispose()


@pytest.fixture
def location(new_books: NewBooks) -> str:
    """Give one location at which no catalog is yet."""
    return new_books()


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
