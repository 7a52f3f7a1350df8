"""The books open, refuse what is no catalog of theirs, and keep what was written."""

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from bookshelf import add_sample, define, location, new_books, on_server, sample_id, sha
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import make_url
from sqlmodel import SQLModel

from mcbook import resources
from mcbook.catalog import accelerator, migrations, tables
from mcbook.catalog.json_text import as_json
from mcbook.catalog.migrations import REVISIONS, VERSION_TABLE, schema_sql
from mcbook.catalog.rows import CardRow, PartRow
from mcbook.catalog.store import catalog_exists, locked, open_catalog
from mcbook.errors import InputError, WorkError

__all__ = ["location", "new_books"]

ROOT = Path("/nowhere/samples")


def test_reading_makes_no_catalog(tmp_path):
    """A command that reads says that there is no catalog, and leaves none behind."""
    path = tmp_path / "mcbook.db"
    with pytest.raises(InputError, match="no catalog"):
        open_catalog(str(path), mode="read")
    assert not path.exists()
    assert not catalog_exists(str(path))


def test_empty_database_is_no_catalog_to_read(location):
    """What is empty can be filled but not read."""
    if "://" not in location:
        Path(location).touch()
    assert not catalog_exists(location)
    with pytest.raises(InputError, match="no catalog"):
        open_catalog(location, mode="read")
    open_catalog(location, mode="write").close()
    assert catalog_exists(location)
    open_catalog(location, mode="read").close()


def test_what_is_no_catalog_is_refused(tmp_path):
    """A folder, a text file and another program's database are input errors, and stay untouched."""
    text = tmp_path / "notes.txt"
    text.write_text("not a database, but long enough to be taken for one\n" * 100)
    other = tmp_path / "other.db"
    with sqlite3.connect(other) as connection:
        connection.execute("CREATE TABLE recipes (name TEXT)")
    connection.close()
    for path in (tmp_path, text, other, tmp_path / "missing" / "mcbook.db"):
        before = path.read_bytes() if path.is_file() else None
        for mode in ("read", "write"):
            with pytest.raises(InputError):
                open_catalog(str(path), mode=mode)
        assert before is None or path.read_bytes() == before


@pytest.mark.parametrize(
    "url", ["mysql://host/db", "sqlite://", "sqlite:///:memory:", "nonsense://", "://"]
)
def test_urls_that_are_no_place_for_books(url):
    """A URL that no catalog can have is an input error."""
    with pytest.raises(InputError):
        open_catalog(url, mode="write")


def test_server_that_does_not_answer():
    """A server that is not there is an input error, and its password is not told."""
    with pytest.raises(InputError, match="cannot be opened") as caught:
        open_catalog("postgresql://me:secret@127.0.0.1:1/books", mode="read")
    assert "secret" not in caught.value.message


def test_newer_catalog_is_refused(location):
    """Books that a later version wrote are not touched."""
    with open_catalog(location, mode="write") as catalog, catalog.writing() as books:
        books.connection.exec_driver_sql("UPDATE mcbook_version SET version_num = '9999'")
    for mode in ("read", "write"):
        with pytest.raises(InputError, match="newer"):
            open_catalog(location, mode=mode)


def test_older_catalog_is_upgraded_with_its_rows(location, tmp_path):
    """A further step runs on books with rows and indexes outside the schema, and keeps the rows."""
    with open_catalog(location, mode="write") as catalog:
        with catalog.writing() as books:
            define(books, "xmodel", root=ROOT)
            identity = add_sample(books, "xmodel", "1", {"m_x": 1.0}, root=ROOT)
        catalog.accelerate("xmodel", ["m_x"])
        (tmp_path / "r9998_next.py").write_text(
            "import sqlalchemy as sa\nfrom alembic import op\n"
            f"revision = '9998'\ndown_revision = '{REVISIONS[-1]}'\n"
            "def upgrade():\n"
            "    with op.batch_alter_table('samples') as batch:\n"
            "        batch.add_column(sa.Column('note', sa.String()))\n"
            "        batch.alter_column('directory', new_column_name='folder')\n"
        )
        from alembic import command

        config = Config()
        folder = Path(migrations.__file__).parent
        config.set_main_option("script_location", str(folder))
        config.set_main_option("path_separator", "os")
        config.set_main_option("version_locations", f"{folder / 'versions'}{os.pathsep}{tmp_path}")
        with locked(catalog.engine, upgrading=True) as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
        with catalog.reading() as books:
            rows = books.connection.exec_driver_sql("SELECT id, folder, note FROM samples").all()
        assert rows == [(identity, identity, None)]


def test_revisions_are_the_steps_that_are_there():
    """The constant that saves importing alembic names all steps in order."""
    steps = ScriptDirectory(str(Path(migrations.__file__).parent)).walk_revisions()
    assert tuple(step.revision for step in reversed(list(steps))) == REVISIONS


def test_schema_is_the_one_that_is_shipped(tmp_path):
    """catalog/schema.sql shows what the migrations make, also after indexes came and went."""
    shipped = (resources.shipped("catalog") / "schema.sql").read_text()
    with open_catalog(str(tmp_path / "mcbook.db"), mode="write") as catalog:
        with catalog.reading() as books:
            assert schema_sql(books.connection) == shipped
        catalog.accelerate("xmodel", ["m_x", "g"])
        with catalog.writing() as books:
            accelerator.drop(books.connection)
            assert schema_sql(books.connection) == shipped


def test_tables_are_what_the_migrations_make(location):
    """The table classes and the migrated schema say the same, with and without fast indexes."""
    assert tables.Sample.metadata is SQLModel.metadata
    with open_catalog(location, mode="write") as catalog:
        catalog.accelerate("xmodel", ["m_x"])
        with catalog.reading() as books:
            context = MigrationContext.configure(
                books.connection,
                opts={
                    "version_table": VERSION_TABLE,
                    "include_name": lambda name, kind, _: (
                        not (
                            kind in {"index", "column"} and str(name).startswith(accelerator.PREFIX)
                        )
                    ),
                },
            )
            assert compare_metadata(context, SQLModel.metadata) == []


def test_opening_current_books_does_not_import_alembic(tmp_path):
    """Only making and upgrading books pays for alembic."""
    path = str(tmp_path / "mcbook.db")
    open_catalog(path, mode="write").close()
    code = (
        "import sys\nfrom mcbook.catalog.store import open_catalog\n"
        f"open_catalog({path!r}, mode='write').close()\n"
        "assert 'alembic' not in sys.modules and 'sqlmodel' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_rows_are_found_again(location):
    """What was added is found by digest, seed and sample."""
    with open_catalog(location, mode="write") as catalog:
        with catalog.writing() as books:
            define(books, "xmodel", root=ROOT)
            add_sample(books, "xmodel", "1", {"m_x": 1.0}, root=ROOT, seeds=(7, 11))
        with catalog.reading() as books:
            identity = sample_id("xmodel", "1")
            assert books.existing([sha("xmodel1"), sha("other")]) == {sha("xmodel1"): identity}
            assert books.used_seeds([7, 8, 11]) == {7, 11}
            parts = books.parts_of([identity, "other"])
            assert [(part.number, part.seed) for part in parts[identity]] == [(1, 7), (2, 11)]
            assert books.existing([]) == {}


def test_nothing_is_kept_of_a_transaction_that_failed(location):
    """An error inside the block takes back all of it."""
    with open_catalog(location, mode="write") as catalog:
        with pytest.raises(InputError), catalog.writing() as books:  # noqa: PT012
            define(books, "xmodel", root=ROOT)
            add_sample(books, "xmodel", "1", {"m_x": 1.0}, root=ROOT)
            books.root_path("nowhere")
        with catalog.reading() as books:
            assert books.existing([sha("xmodel1")]) == {}


def test_books_refuse_rows_that_do_not_fit(location):
    """A sample that is there already and a part without its sample are work errors."""
    with open_catalog(location, mode="write") as catalog:
        with catalog.writing() as books:
            define(books, "xmodel", root=ROOT)
            add_sample(books, "xmodel", "1", {"m_x": 1.0}, root=ROOT)
        with pytest.raises(WorkError), catalog.writing() as books:
            add_sample(books, "xmodel", "1", {"m_x": 1.0}, root=ROOT)
        with pytest.raises(WorkError), catalog.writing() as books:
            books.add_parts([PartRow("none-000000000000", 1, 1, 1, "planned", "samples", "x")])


def test_points_that_are_there_are_left_alone(location):
    """The same point again is no new one, another one is; derived values follow the formulas."""
    from mcbook.catalog.rows import PointRow

    with open_catalog(location, mode="write") as catalog, catalog.writing() as books:
        define(books, "xmodel", root=ROOT)
        identity = add_sample(books, "xmodel", "1", {"m_x": 1.0}, root=ROOT)
        older = books.add_formulas({"width_x": "width_x@1"})
        newer = books.add_formulas({"width_x": "width_x@2"})
        assert older != newer
        parameters = as_json({"m_x": 1.0})
        row = PointRow(identity, sha("p"), 2.0, older, parameters, as_json({"width_x": 1.0}))
        assert books.add_points([row, row]) == 1
        assert books.add_points([row]) == 0
        assert books.refresh_points([row]) == 0
        assert books.refresh_points([row._replace(formulas=newer, factor=3.0)]) == 1
        factors = books.connection.exec_driver_sql("SELECT factor FROM points ORDER BY factor")
        assert factors.scalars().all() == [1.0, 3.0]


def test_targets_are_raised_but_never_lowered(location):
    """A smaller target leaves the larger one that is there."""
    with open_catalog(location, mode="write") as catalog, catalog.writing() as books:
        define(books, "xmodel", root=ROOT)
        identity = add_sample(books, "xmodel", "1", {"m_x": 1.0}, root=ROOT, seeds=(1, 2))
        for target, events, expected in [(500, 0, (2000, 0)), (9000, 5, (9000, 5))]:
            books.raise_events([(identity, target, events)])
            found = books.connection.exec_driver_sql("SELECT events_target, n_events FROM samples")
            assert found.one() == expected


@given(st.floats() | st.lists(st.floats()) | st.dictionaries(st.text(), st.floats(), min_size=1))
def test_only_finite_numbers_get_in(value):
    """JSON for the books has no NaN and no infinity in it, and keeps every other number exactly."""
    import json
    import math

    flat = (
        [value]
        if isinstance(value, float)
        else list(value.values() if isinstance(value, dict) else value)
    )
    if all(map(math.isfinite, flat)):
        assert json.loads(as_json(value)) == value
    else:
        with pytest.raises(InputError, match="finite"):
            as_json(value)


def test_a_samples_folder_moves_with_the_books(tmp_path):
    """A folder below that of the catalog is recorded relative to it; others as they are."""
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    with (
        open_catalog(str(first / "mcbook.db"), mode="write") as catalog,
        catalog.writing() as books,
    ):
        assert books.add_root(first / "samples") == "samples"
        assert books.add_root(tmp_path / "big") == "samples-2"
        assert books.add_root(first / "x" / ".." / "samples") == "samples"
    first.rename(second)
    with (
        open_catalog(str(second / "mcbook.db"), mode="read") as catalog,
        catalog.reading() as books,
    ):
        assert books.roots() == {"samples": second / "samples", "samples-2": tmp_path / "big"}


def test_a_site_may_say_where_a_root_is(tmp_path, monkeypatch):
    """The configuration of a site goes before what the books say."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".git").mkdir()
    with open_catalog(None, mode="write") as catalog, catalog.writing() as books:
        books.add_root(tmp_path / "samples")
    (tmp_path / "mcbook.toml").write_text('[roots]\nsamples = "elsewhere"\n')
    with open_catalog(None, mode="write") as catalog, catalog.writing() as books:
        assert books.root_path("samples") == tmp_path / "elsewhere"
        assert books.add_root(tmp_path / "samples") == "samples-2"


@pytest.mark.thorough
def test_writers_wait_for_each_other(location):
    """Several processes that make the books and write at once all succeed, and lose nothing."""
    code = (
        "import sys\nfrom pathlib import Path\n"
        "from bookshelf import add_sample, define\n"
        "from mcbook.catalog.store import open_catalog\n"
        "root = Path('/nowhere/samples')\n"
        f"with open_catalog({location!r}, mode='write') as catalog:\n"
        "    for number in range(10):\n"
        "        with catalog.writing() as books:\n"
        "            define(books, 'xmodel', root=root)\n"
        "            label = sys.argv[1] + str(number)\n"
        "            add_sample(books, 'xmodel', label, {'m_x': 1.0}, root=root)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    writers = [
        subprocess.Popen([sys.executable, "-c", code, name], env=environment) for name in "abc"
    ]
    assert [writer.wait(120) for writer in writers] == [0, 0, 0]
    with open_catalog(location, mode="read") as catalog, catalog.reading() as books:
        count = books.connection.exec_driver_sql("SELECT count(*) FROM samples").scalar()
    assert count == 30


def test_cards_belong_to_a_sample(location):
    """Foreign keys hold: a card without its sample is refused."""
    card = CardRow("none-000000000000", 0, "x", sha("x"))
    with (
        open_catalog(location, mode="write") as catalog,
        pytest.raises(WorkError),
        catalog.writing() as books,
    ):
        books.add_cards([card])


@on_server
def test_a_server_that_hung_up_is_called_again(location):
    """Between two parts of a long run the server may close the connection."""
    with open_catalog(location, mode="write") as catalog, open_catalog(location, mode="read") as o:
        with catalog.reading() as books:
            mine = books.connection.exec_driver_sql("SELECT pg_backend_pid()").scalar()
        with o.reading() as books:
            assert books.connection.exec_driver_sql(f"SELECT pg_terminate_backend({mine})").scalar()
        with catalog.writing() as books:
            define(books, "xmodel", root=ROOT)


@on_server
def test_whoever_may_only_read_is_told_so(location):
    """Without the right to write nothing goes in, and reading goes on."""
    reader = f"reader_{os.getpid()}"
    with open_catalog(location, mode="write") as catalog, catalog.writing() as books:
        for statement in (
            f"CREATE ROLE {reader} LOGIN",
            f'GRANT USAGE ON SCHEMA "{schema_of(location)}" TO {reader}',
            f'GRANT SELECT ON ALL TABLES IN SCHEMA "{schema_of(location)}" TO {reader}',
        ):
            books.connection.exec_driver_sql(statement)
    theirs = make_url(location).set(username=reader).render_as_string()
    with open_catalog(theirs, mode="write") as catalog:
        with pytest.raises(WorkError, match="permission denied") as caught, catalog.writing() as b:
            define(b, "xmodel", root=ROOT)
        assert "grant" in caught.value.hint
        with catalog.reading() as books:
            assert books.existing([sha("x")]) == {}
    with open_catalog(location, mode="write") as catalog, catalog.writing() as books:
        books.connection.exec_driver_sql(f"DROP OWNED BY {reader}")
        books.connection.exec_driver_sql(f"DROP ROLE {reader}")


def schema_of(location):
    """Return the schema that a URL of the tests names."""
    return make_url(location).query["options"].partition("=")[2]
