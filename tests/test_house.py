"""What keeps the house small and tidy: rules over all of its files."""

import ast
import inspect
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import typer
import yaml

import mcbook
from mcbook import errors
from mcbook.cli.app import app

ROOT = Path(__file__).resolve().parent.parent
MODULES = sorted((ROOT / "mcbook").rglob("*.py"))
LONGEST_MODULE = 400
LONGEST_COMMAND = 20

#: What `mcbook --help` must not import: everything slow.
HEAVY = {
    "alembic", "decaylanguage", "jinja2", "matplotlib", "mplhep", "numpy", "pandas", "particle",
    "pydantic", "pyhf", "rich", "scipy", "sqlalchemy", "sqlmodel", "uproot", "yaml",
}  # fmt: skip


def tracked(*patterns):
    """Return the files of the project that match."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns]
    try:
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    except (FileNotFoundError, subprocess.CalledProcessError):
        pytest.skip("not in a git checkout")
    return [path for name in listed.stdout.splitlines() if (path := ROOT / name).is_file()]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_module_is_short(path):
    """A module that grows past 400 lines becomes a package."""
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST_MODULE


def commands(group, name="mcbook"):
    """Yield the full name and the command of every command of a program, groups included."""
    yield name, group
    for inner, command in getattr(group, "commands", {}).items():
        yield from commands(command, f"{name} {inner}")


@pytest.mark.parametrize(
    "command",
    [pytest.param(entry, id=name) for name, entry in commands(typer.main.get_command(app))],
)
def test_commands_are_thin(command):
    """A command parses, calls one verb and prints: its body has at most 20 lines."""
    if command.callback is None:
        return
    source = inspect.getsource(inspect.unwrap(command.callback))
    function = ast.parse(source).body[0]
    assert function.end_lineno - function.body[0].lineno < LONGEST_COMMAND


def test_help_imports_nothing_heavy():
    """``mcbook --help`` answers at once."""
    code = (
        "import sys\n"
        "from mcbook.cli.app import app\n"
        "try: app(['--help'])\n"
        "except SystemExit: pass\n"
        "print(*sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    loaded = {name.partition(".")[0] for name in done.stdout.splitlines()[-1].split()}
    assert "typer" in loaded
    assert not loaded & HEAVY


def test_import_is_light():
    """``import mcbook`` imports nothing else until a verb is used."""
    code = "import sys, mcbook; print(*(name for name in sys.modules if name.startswith('mcbook')))"
    loaded = subprocess.check_output([sys.executable, "-c", code], text=True, cwd=ROOT)
    assert loaded.split() == ["mcbook"]


@pytest.mark.parametrize("name", mcbook.__all__)
def test_public_names(name):
    """Each public name is there and documented; nothing else is offered."""
    assert getattr(mcbook, name).__doc__
    assert name in dir(mcbook)
    with pytest.raises(AttributeError, match="no attribute 'generat'"):
        mcbook.__getattr__("generat")


def test_exit_codes():
    """Wrong input exits with 2, failed work with 1."""
    assert (errors.InputError.exit_code, errors.WorkError.exit_code) == (2, 1)


def test_no_paths_of_a_machine():
    """No file names the home folder or a work folder of whoever wrote it."""
    forbidden = re.compile(r"(?<![\w./-])/(?:home|root|Users|work|scratch|tmp/bash)\b/?\w*")
    for path in tracked(".", ":!*.lock", ":!tests/test_house.py"):
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        found = [line for line in text.splitlines() if forbidden.search(line)]
        assert not found, f"{path.relative_to(ROOT)}: {found[0]}"


def test_root_folders_hold_no_python():
    """Data folders of the wheel are data."""
    assert not [path for path in tracked("*.py") if path.parts[len(ROOT.parts)] in DATA]


DATA = {"models", "templates", "catalog"}


def test_versions_agree():
    """The citation and the change log speak of the version that is built."""
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == mcbook.__version__
    assert f"## [{mcbook.__version__}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_layers_name_every_module():
    """The list of layers is exhaustive, so that a new module has to take its place."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    layers = settings["tool"]["importlinter"]["contracts"][0]
    assert layers["exhaustive"]
    placed = set(re.findall(r"\w+", " ".join(layers["layers"])))
    stages = {path.stem if path.suffix else path.name for path in (ROOT / "mcbook").iterdir()}
    assert stages - placed <= {"__init__", "__main__", "__pycache__", "py"}


def test_readme_names_the_commands():
    """The README's test command is the one that continuous integration runs."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "python3 tests/run.py" in readme
    assert "python3 tests/run.py" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert typer.main.get_command(app).name == "mcbook"


def test_no_package_has_the_name_of_a_verb():
    """A package that was imported would hide the function of the same name in ``import mcbook``."""
    packages = {path.parent.name for path in (ROOT / "mcbook").glob("*/__init__.py")}
    modules = {path.stem for path in (ROOT / "mcbook").glob("*.py")}
    assert not (packages | modules) & set(mcbook.__all__)
