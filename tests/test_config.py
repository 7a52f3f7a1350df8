"""Configuration: what wins over what, and what is refused."""

import os
from pathlib import Path

import pytest

from mcbook import config
from mcbook.errors import InputError


@pytest.fixture
def site(tmp_path, monkeypatch):
    """Return a folder three levels below a home folder that has no configuration yet."""
    home = tmp_path / "home"
    folder = home / "project" / "deep"
    folder.mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    for name in [name for name in os.environ if name.startswith(("MCBOOK_", "XDG_"))]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(folder)
    return folder


def test_new_catalog_is_here(site):
    """Where nothing names a catalog it is ``mcbook.db`` in this folder."""
    assert config.catalog() == str(site / "mcbook.db")


def test_catalog_precedence(site, monkeypatch):
    """Flag, environment, nearest file, the user's file, nearest ``mcbook.db``, in that order."""
    home = site.parent.parent
    (site.parent / "mcbook.db").touch()
    assert config.catalog() == str(site.parent / "mcbook.db")

    own = home / ".config" / "mcbook"
    own.mkdir(parents=True)
    (own / "mcbook.toml").write_text('catalog = "mine.db"\n[roots]\na = "one"\nb = "two"\n')
    assert config.catalog() == str(own / "mine.db")

    (site.parent / "mcbook.toml").write_text('catalog = "ours.db"\n[roots]\nb = "/three"\n')
    assert config.catalog() == str(site.parent / "ours.db")
    assert config.load().roots == {"a": own / "one", "b": Path("/three")}

    monkeypatch.setenv("MCBOOK_CATALOG", "sqlite:///env.db")
    assert config.catalog() == "sqlite:///env.db"
    assert config.catalog("flag.db") == str(site / "flag.db")


def test_search_stops_at_repository(site):
    """A file above the root of a repository is not read."""
    (site.parent / ".git").mkdir()
    (site.parent.parent / "mcbook.toml").write_text('catalog = "above.db"')
    (site.parent.parent / "mcbook.db").touch()
    assert config.catalog() == str(site / "mcbook.db")


def test_search_stops_at_home(site):
    """A file above the home folder is not read."""
    (site.parent.parent.parent / "mcbook.toml").write_text("nonsense = 1")
    assert config.load() == config.Config()


def test_mg5(site, monkeypatch):
    """The path of MadGraph is relative to the file that names it, and the environment wins."""
    assert config.mg5() is None
    (site.parent / "mcbook.toml").write_text('mg5 = "MG5/bin/mg5_aMC"')
    assert config.mg5() == site.parent / "MG5/bin/mg5_aMC"
    monkeypatch.setenv("MCBOOK_MG5", "/opt/mg5_aMC")
    assert config.mg5() == Path("/opt/mg5_aMC")
    assert config.mg5("here") == site / "here"


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ('# site\ncatalogue = "a.db"', 2, "unknown key 'catalogue'"),
        ('catalog = "a.db"\n\nmg5 = 5', 3, "mg5 must be text"),
        ('[roots]\na = ["x"]', 1, "roots must be a table"),
        ('roots = "x"', 1, "roots must be a table"),
    ],
    ids=["unknown", "number", "list", "text"],
)
def test_refused(site, text, line, words):
    """A key or value that is not known is named with its file and line."""
    path = site / "mcbook.toml"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        config.load()
    assert caught.value.message.startswith(f"{path}, line {line}: {words}")
    assert caught.value.hint


@pytest.mark.parametrize("content", [b"catalog = ", b"\xff\xfe"], ids=["broken", "binary"])
def test_no_toml(site, content):
    """A file that is no TOML is an input error that names it."""
    (site / "mcbook.toml").write_bytes(content)
    with pytest.raises(InputError, match=r"mcbook\.toml"):
        config.catalog()
