"""Fixtures that several test files use."""

import os
import subprocess
import sys
import time
import uuid
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parent.parent

# How fast the machine is decides about no test.
settings.register_profile("mcbook", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("mcbook")


LONG = (
    "docs", "resolution", "optimise", "batch", "interrupted", "wheel", "run", "resolution_books",
    "selection_example",
)  # fmt: skip
"""Files with few tests that take long: they run examples, kill programs, or install."""

UNTIL = float(os.environ.get("MCBOOK_TEST_UNTIL") or "inf")
"""No test begins after this second since 1970; the summary tells how many did not."""

TOO_LATE = "no time left: MCBOOK_TEST_UNTIL is over"

ON_SERVER = {
    "catalog", "catalog_dump", "catalog_files", "expressions_sql", "interrupted", "query", "servers"
}  # fmt: skip
"""Files whose tests run on a server, too, every time; the others only with --thorough."""


def pytest_addoption(parser):
    """Add the option that asks for everything."""
    parser.addoption("--thorough", action="store_true", help="every test, at full length")


def pytest_collection_modifyitems(config, items):
    """Leave out what is thorough; begin with files of many tests, and end with long ones.

    Where the time is limited, as much as possible is tested in it.
    """
    if not config.getoption("thorough"):
        left = [item for item in items if _is_thorough(item)]
        config.hook.pytest_deselected(items=left)
        gone = set(left)
        items[:] = [item for item in items if item not in gone]
    sizes = Counter(item.path for item in items)
    last = {f"test_{name}.py": place for place, name in enumerate(LONG)}
    items.sort(key=lambda item: (last.get(item.path.name, -1), -sizes[item.path]))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup():
    """Begin no test when the time is over."""
    if time.time() > UNTIL:
        pytest.skip(TOO_LATE)


def pytest_terminal_summary(terminalreporter):
    """Tell how many tests there was no time for: they are not passed."""
    skipped = terminalreporter.stats.get("skipped", [])
    if late := sum(TOO_LATE in str(report.longrepr) for report in skipped):
        terminalreporter.write_line(f"NOT RUN: {late} tests, {TOO_LATE}", red=True)


def _is_thorough(item):
    if item.get_closest_marker("thorough"):
        return True
    name = item.path.stem.removeprefix("test_")
    return item.get_closest_marker("postgres") is not None and name not in ON_SERVER


@pytest.fixture(scope="session")
def length(request):
    """Return the second number where everything is asked for, else the first."""
    return lambda short, full: full if request.config.getoption("thorough") else short


@pytest.fixture(scope="session")
def root():
    """Return the root of the checkout."""
    return ROOT


@pytest.fixture(autouse=True)
def no_settings_of_this_machine(monkeypatch, tmp_path_factory):
    """Hide the configuration of whoever runs the tests."""
    for name in [name for name in os.environ if name.startswith("MCBOOK_")]:
        if name not in KEPT:
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.getbasetemp() / "no-configuration"))


#: Variables with which tests against real generators and databases are asked for.
KEPT = {"MCBOOK_MG5", "MCBOOK_EVTGEN", "MCBOOK_TEST_PG_URL"}


@pytest.fixture(
    scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]
)
def new_schema(request):
    """Return a function that makes a place for books on a server; None where they are files.

    A schema for each, so that tests that run at the same time do not meet.
    """
    if request.param == "sqlite":
        yield None
        return
    url = os.environ.get("MCBOOK_TEST_PG_URL")
    if not url:
        pytest.skip("MCBOOK_TEST_PG_URL is not set")
    from sqlalchemy import NullPool, create_engine, make_url

    server = make_url(url).set(drivername="postgresql+psycopg")
    engine = create_engine(server, poolclass=NullPool)  # tests fork
    schemas = []

    def new():
        schemas.append(f"mcbook_test_{uuid.uuid4().hex[:12]}")
        with engine.begin() as connection:
            connection.exec_driver_sql(f'CREATE SCHEMA "{schemas[-1]}"')
        placed = server.update_query_dict({"options": f"-csearch_path={schemas[-1]}"})
        return placed.render_as_string(hide_password=False)

    yield new
    for schema in schemas:  # one at a time: a server holds so many locks and no more
        with engine.begin() as connection:
            connection.exec_driver_sql(f'DROP SCHEMA "{schema}" CASCADE')


@pytest.fixture
def either_books(new_schema, monkeypatch):
    """Have commands work on ``mcbook.db`` in the current folder, and on books on a server."""
    if new_schema:
        monkeypatch.setenv("MCBOOK_CATALOG", new_schema())


@pytest.fixture
def program(tmp_path):
    """Return a function that runs the real program in *tmp_path*."""
    console_script = Path(sys.executable).parent / "mcbook"

    def run(*words, check=None, **environment):
        done = subprocess.run(
            [console_script, *map(str, words)],
            cwd=tmp_path,
            env={**os.environ, "COLUMNS": "80", **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        if check is not None:
            assert done.returncode == check, done.stderr
        return done

    return run


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """Install a third generator through its entry point; return a folder of models that use it."""
    site = tmp_path / "site"
    info = site / "toy-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: toy\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[mcbook.generators]\ntoy = toy_generator:Toy\n")
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.syspath_prepend(str(ROOT / "tests"))
    models = tmp_path / "toy_models"
    models.mkdir()
    for source in sorted((ROOT / "models").glob("*.yaml")):
        text = source.read_text()
        for name in ("madgraph", "evtgen"):
            text = text.replace(f"generator: {name}", "generator: toy")
        (models / source.name).write_text(text)
    return models
