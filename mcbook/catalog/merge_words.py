"""What two people say of the same samples becomes one: tags, owners, and who is retired.

Tags are joined, and notes with the rest of the history. Of two owners, and of two words on whether
a sample is used, the later one stands; where that changes something here it is told.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from mcbook.catalog.dump import rows_among, stored_rows
from mcbook.catalog.files import RETIRED, settle
from mcbook.catalog.lifecycle import OWNER_ROW, RETIREMENT_ROW
from mcbook.catalog.rows import make_row
from mcbook.catalog.writer import Reader, Writer

Row = dict[str, Any]

_SAYS = {"owners": "owner", "retirements": "state"}
_STATEMENTS = {"owners": OWNER_ROW, "retirements": RETIREMENT_ROW}


def merge_words(mine: Writer, theirs: Reader, ids: Sequence[str], new: Counter[str]) -> list[str]:
    """Add what *theirs* says of samples that are in both books by now.

    Parameters
    ----------
    mine
        The books that grow; they have the samples.
    theirs
        The other ones.
    ids
        The samples.
    new
        Counts new rows by table.

    Returns
    -------
    list
        A sentence for each sample of which the books say different things.
    """
    tags = [make_row("tags", row) for row in rows_among(theirs, "tags", "sample_id", ids)]
    new["tags"] += mine.insert("tags", tags, skip="sample_id, name")
    return [text for table in _SAYS for text in _last_words(mine, theirs, ids, (table, new))]


def _last_words(
    mine: Writer, theirs: Reader, ids: Sequence[str], where: tuple[str, Counter[str]]
) -> Iterator[str]:
    """Let the later word stand for each sample; yield a sentence where the two differ."""
    table, new = where
    own = {row["sample_id"]: row for row in rows_among(mine, table, "sample_id", ids)}
    later: list[Row] = []
    for row in rows_among(theirs, table, "sample_id", ids):
        here = own.get(row["sample_id"])
        if here is None or _place(row) > _place(here):
            later.append(row)
        new[table] += here is None
        if here is not None and here[_SAYS[table]] != row[_SAYS[table]]:
            yield _told(table, max(here, row, key=_place))
    mine.change(_STATEMENTS[table], [make_row(table, row) for row in later])
    if table == "retirements":
        settle(mine, {row["sample_id"] for row in later})


def _place(row: Row) -> tuple[str, ...]:
    """Return what orders words on a sample, so that it does not matter who merges."""
    return (row["at"], *(str(row[key]) for key in sorted(row)))


def _told(table: str, last: Row) -> str:
    said = f"{last['who']} said last, {last['at'][:10]}"
    if table == "owners":
        return f"{last['sample_id']}: the owner is {last['owner']}, as {said}"
    return f"{last['sample_id']} is {last['state']}, as {said}: {last['why']}"


def newly_retired(mine: Reader, theirs: Reader, ids: Sequence[str]) -> list[str]:
    """Return a sentence for each sample that is in use here and nobody said a word of, but there.

    To be asked before the books are merged.
    """
    here = {row["sample_id"] for row in rows_among(mine, "retirements", "sample_id", ids)}
    return [
        f"{row['sample_id']} is retired now, as in the other books: {row['why']} ({row['who']})"
        for row in rows_among(theirs, "retirements", "sample_id", ids)
        if row["state"] == RETIRED and row["sample_id"] not in here
    ]


def names_in_both(mine: Reader, theirs: Reader) -> list[str]:
    """Return a sentence for each collection of theirs whose name another one has here."""
    here: dict[str, set[str]] = {}
    for row in stored_rows(mine, "collections"):
        here.setdefault(row["name"], set()).add(row["id"])
    return [
        f"the collection {row['name']} has other contents in the other books: both are kept, and"
        f" told apart by their ids ({row['id']}; here {', '.join(sorted(here[row['name']]))})"
        for row in stored_rows(theirs, "collections")
        if row["name"] in here and row["id"] not in here[row["name"]]
    ]
