"""The pages cannot drift: reference pages are made, examples are run, links are followed."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SHORT = ("README.md", "docs/how-to/limits-from-counts.md")
"""Pages whose examples run every time; those of the others only with --thorough."""


def pages():
    """Yield the pages with examples."""
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        if "```console\n" in page.read_text(encoding="utf-8"):
            name = page.relative_to(ROOT).as_posix()
            yield pytest.param(name, marks=() if name in SHORT else pytest.mark.thorough)


def check(script, *words):
    """Run a script of the pages, which says whether they are current."""
    done = subprocess.run(
        [sys.executable, ROOT / "docs" / script, "--check", *words],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_reference_is_current():
    """The pages are what the code makes now."""
    check("make_reference.py")


@pytest.mark.parametrize("page", list(pages()))
def test_examples_print_what_they_printed(page):
    """A page shows what its commands print now."""
    check("run_examples.py", page)


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
