"""What queries remember of the books is never older than the books."""

from pathlib import Path

import pytest
from bookshelf import add_sample, define, location, new_books, sample_id

from mcbook.catalog import accelerator
from mcbook.catalog.find import find
from mcbook.catalog.memory import memory_of
from mcbook.catalog.names import ModelNames
from mcbook.catalog.query import Search
from mcbook.catalog.store import open_catalog
from mcbook.errors import InputError

__all__ = ["location", "new_books"]

ROOT = Path("/nowhere/samples")
REGISTRY = {"xmodel": ModelNames(("m_x", "g"))}


def add(books, model, *labels, shape=("m_x",)):
    """Add samples of a model, of mass 1, 2, ..., with a coupling that no point shares."""
    define(books, model, root=ROOT, shape=shape)
    for i, label in enumerate(labels):
        values = {shape[0]: i + 1.0, "g": 1e-3}
        add_sample(books, model, label, values, root=ROOT, points=[{**values, "g": 0.5}])


@pytest.fixture
def shared(location):
    """Give one catalog opened twice: what the second does, the first must see."""
    with open_catalog(location, mode="write") as mine:
        with mine.writing() as books:
            add(books, "xmodel", "0", "1", "2")
        mine.accelerate("xmodel", ["m_x", "g"])
        with open_catalog(location, mode="write") as theirs:
            yield mine, theirs


def asked(catalog, expression, registry=None, **options):
    """Return the ids that a query finds."""
    with catalog.reading() as books:
        search = Search(books, expression, REGISTRY if registry is None else registry)
        return [row["id"] for row in find(search, **options)]


@pytest.mark.parametrize("writer", ["mine", "theirs"])
def test_a_new_model_is_seen_at_once(shared, writer):
    """A model that comes in later, its definition and its names are found by the same catalog."""
    mine, theirs = shared
    with pytest.raises(InputError, match="m_y"):
        asked(mine, "m_y < 5")
    with {"mine": mine, "theirs": theirs}[writer].writing() as books:
        add(books, "ymodel", "0", shape=("m_y",))
    assert asked(mine, "m_y < 5") == [sample_id("ymodel", "0")]
    assert asked(mine, "model == 'ymodel'") == [sample_id("ymodel", "0")]


def test_a_new_definition_changes_what_shapes_the_samples(shared):
    """Where one process takes a parameter for a rate, points say what it is from then on."""
    mine, theirs = shared
    assert asked(mine, "m_x == 1") == [sample_id("xmodel", "0")]
    with theirs.writing() as books:
        books.connection.exec_driver_sql(
            "UPDATE definitions SET facts ="
            ' \'{"shape": [], "production": "xsec_x", "unit": "fb", "fraction": null}\''
        )
        books.connection.exec_driver_sql('UPDATE points SET parameters = \'{"m_x": 7, "g": 1}\'')
    assert asked(mine, "m_x == 1") == []
    assert len(asked(mine, "m_x == 7")) == 3


@pytest.mark.parametrize("writer", ["mine", "theirs"])
def test_indexes_come_and_go(shared, writer):
    """An index that was dropped, or made over other parameters, is not asked for any more."""
    mine, theirs = shared
    expected = asked(mine, "1 < m_x <= 3")
    assert len(expected) == 2
    by = {"mine": mine, "theirs": theirs}[writer]
    with by.writing() as books:
        accelerator.drop(books.connection)
    assert asked(mine, "1 < m_x <= 3") == expected
    by.accelerate("xmodel", ["g", "m_x"])
    assert asked(mine, "1 < m_x <= 3") == expected
    with mine.reading() as books:
        is_sqlite = books.connection.dialect.name == "sqlite"  # others have no virtual columns
        assert Search(books, "m_x > 1", REGISTRY).has_all_columns == is_sqlite


def test_what_was_taken_back_is_not_remembered(shared):
    """A look around within a dry run leaves nothing behind."""
    mine, _ = shared
    with mine.writing(keep=False) as books:
        add(books, "ymodel", "0", shape=("m_y",))
        assert len(list(find(Search(books, "m_y < 5", REGISTRY)))) == 1
    with pytest.raises(InputError, match="m_y"):
        asked(mine, "m_y < 5")


def test_another_registry_is_another_question(shared):
    """Names that the registry has and the books have not are known while it has them."""
    mine, _ = shared
    assert asked(mine, "m_z > 1", {"zmodel": ModelNames(("m_z",))}) == []
    with pytest.raises(InputError, match="m_z"):
        asked(mine, "m_z > 1")


def test_nothing_is_looked_up_twice(tmp_path):
    """While nobody writes, a second query reads only its rows."""
    with open_catalog(str(tmp_path / "mcbook.db"), mode="write") as catalog:
        with catalog.writing() as books:
            add(books, "xmodel", "0")
        catalog.accelerate("xmodel", ["m_x", "g"])
        asked(catalog, "m_x < 2")
        with catalog.reading() as books:
            assert {"names", "indexes"} <= memory_of(books.connection).keys()
            said = []
            books.connection.connection.driver_connection.set_trace_callback(said.append)
            list(find(Search(books, "m_x > 0.5", REGISTRY), columns=["parameters"]))
            books.connection.connection.driver_connection.set_trace_callback(None)
    assert [line for line in said if not line.startswith("PRAGMA")] == said[-1:]
