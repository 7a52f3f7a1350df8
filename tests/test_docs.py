"""The pages cannot drift: reference pages are made, examples are run, links are followed."""

import re
import subprocess
import sys

import pytest


@pytest.mark.parametrize("script", ["make_reference.py", "run_examples.py"])
def test_pages_are_current(root, script):
    """The pages are what the code makes and prints now."""
    done = subprocess.run(
        [sys.executable, root / "docs" / script, "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_links_lead_somewhere(root):
    """A relative link in a page leads to a file that is there."""
    for page in [*root.glob("*.md"), *(root / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\((?!\w+:|#)([^)#\s]+)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.relative_to(root)}: {target}"


def test_every_page_can_be_reached(root):
    """The index leads to every page."""
    index = (root / "docs" / "README.md").read_text(encoding="utf-8")
    for page in (root / "docs").rglob("*.md"):
        name = page.relative_to(root / "docs").as_posix()
        assert name == "README.md" or f"({name})" in index
