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
