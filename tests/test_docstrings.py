"""Examples in docstrings give what they show."""

import doctest
from importlib import import_module
from pathlib import Path

import pytest

CODE = Path(__file__).resolve().parent.parent / "mcbook"


def modules():
    """Yield the modules with examples: to look for them in all of them takes long."""
    for path in sorted(CODE.rglob("*.py")):
        if ">>>" in path.read_text(encoding="utf-8"):
            yield ".".join(path.relative_to(CODE.parent).with_suffix("").parts)


@pytest.mark.parametrize("name", list(modules()))
def test_examples(name):
    """There are some, and all of them hold."""
    found = doctest.testmod(import_module(name))
    assert found.attempted
    assert not found.failed
