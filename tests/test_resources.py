"""The search path for models and templates."""

import pytest

from mcbook import resources
from mcbook.errors import InputError


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """Work in an empty folder without a path of one's own."""
    monkeypatch.delenv("MCBOOK_PATH", raising=False)
    monkeypatch.chdir(tmp_path)


def test_shipped_comes_last(tmp_path, monkeypatch):
    """The flag wins over the variable, the variable over this folder, this folder over mcbook."""
    for name in ("flag", "variable/models", "models"):
        (tmp_path / name).mkdir(parents=True)
    monkeypatch.setenv("MCBOOK_PATH", str(tmp_path / "variable"))
    assert resources.search_path("models", "flag") == (
        tmp_path / "flag",
        tmp_path / "variable" / "models",
        tmp_path / "models",
        resources.shipped("models").resolve(),
    )


def test_variable_may_name_the_folder_itself(tmp_path, monkeypatch):
    """A folder of ``MCBOOK_PATH`` without a folder ``models`` holds the models itself."""
    (tmp_path / "mine").mkdir()
    monkeypatch.setenv("MCBOOK_PATH", str(tmp_path / "mine"))
    assert resources.search_path("models")[0] == tmp_path / "mine"


def test_missing_folder(tmp_path, monkeypatch):
    """A folder that does not exist is an error that says who named it."""
    with pytest.raises(InputError, match=r"--models: .*nowhere is not a folder"):
        resources.search_path("models", "nowhere")
    monkeypatch.setenv("MCBOOK_PATH", str(tmp_path / "gone"))
    with pytest.raises(InputError, match=r"MCBOOK_PATH: .*gone"):
        resources.search_path("models")


def test_shadows(tmp_path):
    """A file of one's own with the name of a shipped one is told, unless it is the same."""
    (tmp_path / "models").mkdir()
    shipped = (resources.shipped("models") / "alp.yaml").read_bytes()
    (tmp_path / "models" / "alp.yaml").write_bytes(shipped)
    (tmp_path / "models" / "my_own.yaml").touch()
    assert resources.shadows("models") == []
    (tmp_path / "models" / "alp.yaml").write_bytes(shipped + b"# mine\n")
    assert resources.shadows("models") == [
        resources.Shadow("models", "alp.yaml", tmp_path / "models" / "alp.yaml")
    ]


def test_remarks_on_own_files(tmp_path):
    """Files in place of shipped ones, templates that nobody asks for, folders that nobody reads."""
    own = tmp_path / "templates" / "madgraph"
    own.mkdir(parents=True)
    (own / "run.mg5.j2").write_text("{# mcbook-template version: 2 #}\n")
    (own / "setings.mg5.j2").touch()
    (tmp_path / "grids" / "models").mkdir(parents=True)
    said = resources.remarks(beside=tmp_path / "grids")
    assert len(said) == 3
    assert (
        said[0]
        == f"{own / 'run.mg5.j2'} is used in place of the shipped templates/madgraph/run.mg5.j2"
    )
    assert said[1].startswith(f"{own / 'setings.mg5.j2'} is no template of mcbook")
    assert "did you mean 'madgraph/settings.mg5.j2'?" in said[1]
    assert said[2].startswith(f"{tmp_path / 'grids' / 'models'} is not looked into")
    assert resources.remarks(beside=tmp_path) == said[:2]
    assert resources.remarks(tmp_path / "grids" / "models", beside=tmp_path / "grids") == said[:2]
