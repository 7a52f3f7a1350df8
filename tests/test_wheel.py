"""The wheel works where there is no checkout."""

import json
import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def wheel(root, tmp_path_factory):
    """Return a wheel built from the checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, root]
    subprocess.run(build, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """Return the programs of a fresh environment with the wheel, which borrows all libraries."""
    folder = tmp_path_factory.mktemp("elsewhere")
    venv.create(folder, symlinks=True)
    programs = folder / "bin"
    there = Path(sysconfig.get_path("purelib", vars={"base": str(folder)}))
    (there / "borrowed.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    pip = [sys.executable, "-m", "pip", "--python", programs / "python", "install", "--quiet"]
    options = ["--no-deps", "--no-index", "--disable-pip-version-check"]
    subprocess.run([*pip, *options, wheel], check=True, capture_output=True)
    return programs


@pytest.fixture
def run(installed, tmp_path):
    """Return a function that runs a program of that environment in an empty folder."""
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}

    def invoke(program, *words):
        done = subprocess.run(
            [installed / program, *words],
            cwd=tmp_path,
            env=clean,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return invoke


def test_wheel_holds_everything(wheel, root):
    """Models, templates, books, types and the program are in the wheel."""
    names = set(zipfile.ZipFile(wheel).namelist())
    assert "mcbook/py.typed" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert any(name.endswith("entry_points.txt") for name in names)
    for kind in ("models", "templates", "catalog"):
        for path in (root / kind).rglob("*.*"):
            assert f"mcbook/_data/{path.relative_to(root).as_posix()}" in names


def test_the_wheel_is_what_runs(run, installed):
    """The program finds the data of the wheel, not of the checkout."""
    code = "from mcbook import resources; print(resources.shipped('models'))"
    found = Path(run("python", "-c", code).strip())
    assert found.parts[-3:] == ("mcbook", "_data", "models")
    assert found.is_relative_to(installed.parent)


def test_models(run):
    """All four families are there."""
    models = json.loads(run("mcbook", "models", "--format", "json"))
    assert {entry["model"] for entry in models} >= {"zprime", "dark_higgs", "idm", "alp"}


@pytest.mark.thorough
def test_generate_and_query(run, root, tmp_path):
    """The main job works from the wheel alone: cards are written and found again."""
    grid = root / "models" / "examples" / "zprime.yaml"
    made = json.loads(run("mcbook", "generate", "zprime", "--grid", str(grid), "--format", "json"))
    assert made["samples"]["new"] > 0
    rows = json.loads(run("mcbook", "query", "model == 'zprime'", "--format", "json"))
    assert len(rows) == made["samples"]["new"]
    assert (tmp_path / "samples" / rows[0]["id"]).is_dir()


@pytest.mark.thorough
def test_tour(run, tmp_path):
    """The first command of the README: from a grid to a limit, with what was installed alone."""
    printed = run("mcbook", "tour", "--events", "100")
    assert "The figure to look at: tour/limits/limits.png" in printed
    assert (tmp_path / "tour" / "limits" / "limits.png").is_file()
