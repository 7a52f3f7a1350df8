"""Books with a few samples of which people say things."""

from pathlib import Path

from bookshelf import add_sample, define, sample_id, sha

from mcbook.catalog.dump import dump_lines
from mcbook.catalog.find import find
from mcbook.catalog.json_text import as_json
from mcbook.catalog.merge import merge
from mcbook.catalog.names import ModelNames
from mcbook.catalog.query import Search
from mcbook.catalog.rows import FileRow
from mcbook.catalog.store import open_catalog

ROOT = Path("/nowhere/samples")
REGISTRY = {"xmodel": ModelNames(("m_x",))}
A, B, C = (sample_id("xmodel", label) for label in "abc")


def fill(where, labels="abc", *, who="me"):
    """Make books with samples of mass 1, 2, ... and one part each."""
    with open_catalog(where, mode="write") as catalog, catalog.writing() as books:
        define(books, "xmodel", root=ROOT)
        for label in labels:
            mass = "abcdef".index(label) + 1.0
            identity = add_sample(
                *(books, "xmodel", label, {"m_x": mass}), root=ROOT, seeds=(int(mass),),
                status="planned",
            )  # fmt: skip
            books.change("UPDATE history SET who = ? WHERE sample_id = ?", [(who, identity)])


def a_file(sample, bytes_="", *, part=1):
    """Return the row of a file of a part of a sample."""
    values = {
        "sha256": sha(f"{sample}{part}{bytes_}"), "sample_id": sample, "part": part,
        "tier": "lhe", "storage": "samples", "path": f"{sample}/{part}.lhe", "size": 10,
        "events": 1000, "cross_section_fb": None, "cross_section_error_fb": None,
        "version": "1", "facts": as_json({}), "at": "", "who": "",
    }  # fmt: skip
    return FileRow(**values)


def writing(where, do):
    """Do something with books that are open for writing."""
    with open_catalog(where, mode="write") as catalog, catalog.writing() as books:
        return do(books)


def ids(where, expression, **options):
    """Return the ids that a query finds."""
    with open_catalog(where, mode="read") as catalog, catalog.reading() as books:
        return [row["id"] for row in find(Search(books, expression, REGISTRY), **options)]


def lines_of(where):
    """Return the dump of books."""
    with open_catalog(where, mode="read") as catalog, catalog.reading() as books:
        return list(dump_lines(books))


def join(mine, theirs):
    """Merge books into others."""
    with (
        open_catalog(theirs, mode="read") as other,
        other.reading() as reader,
        open_catalog(mine, mode="write") as catalog,
        catalog.writing() as books,
    ):
        return merge(books, reader)
