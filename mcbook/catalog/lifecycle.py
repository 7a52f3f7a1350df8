"""What people say of samples: tags, notes, who looks after one, and that one is used no more.

Every change is a row of the history, with who and when. Notes are nothing but that.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mcbook.catalog.files import RETIRED, settle
from mcbook.catalog.json_text import as_json
from mcbook.catalog.names import LONGEST_LABEL, OWNER, is_label
from mcbook.catalog.rows import HistoryRow, OwnerRow, RetirementRow, TagRow
from mcbook.catalog.writer import Reader, Writer, now, user
from mcbook.errors import InputError

Row = dict[str, Any]

RESTORED, NOTE, TAGGED, OWNED = "restored", "note", "tagged", "owned"
"""Words of the history; a restored sample is used again."""

_FEW = 500
"""For more samples the whole table is read: what is retired is little."""

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")


def check_tag(name: str) -> None:
    """Refuse what is no tag.

    Raises
    ------
    InputError
        If it is empty, too long, or has other signs.
    """
    if not is_label(name):
        raise InputError(
            f"{name!r} is no tag",
            hint=f"letters, digits and _ . + -, at most {LONGEST_LABEL}: as in golden",
        )


def checked_text(text: str, what: str, hint: str) -> str:
    """Return a text without blanks around it.

    Raises
    ------
    InputError
        If nothing is left, or it has signs that are none.
    """
    stripped = text.strip()
    if not stripped:
        raise InputError(f"{what} is empty", hint=hint)
    if _CONTROL.search(stripped):
        raise InputError(f"{what} has signs that cannot be printed", hint=hint)
    return stripped


def tags_of(books: Reader, ids: Sequence[str]) -> dict[str, list[str]]:
    """Return the tags of those samples that have some, sorted."""
    found: dict[str, list[str]] = {}
    for identity, name in books.named("tags", "name", ids, key="sample_id"):
        found.setdefault(identity, []).append(name)
    return {identity: sorted(names) for identity, names in found.items()}


def tag(
    books: Writer, ids: Sequence[str], add: Iterable[str] = (), remove: Iterable[str] = ()
) -> list[str]:
    """Put tags on samples and take others off; return the samples on which something changed.

    Raises
    ------
    InputError
        If a tag is none, or is to be put on and taken off.
    """
    wanted, unwanted = dict.fromkeys(add), dict.fromkeys(remove)
    for name in (*wanted, *unwanted):
        check_tag(name)
        if name in wanted and name in unwanted:
            raise InputError(f"the tag {name} cannot be added and removed at once")
    there = tags_of(books, ids)
    at, who = now(), user()
    changes: dict[str, dict[str, list[str]]] = {}
    for identity in ids:
        has = there.get(identity, ())
        change = {
            "added": [name for name in wanted if name not in has],
            "removed": [name for name in unwanted if name in has],
        }
        if any(change.values()):
            changes[identity] = {key: names for key, names in change.items() if names}
    books.insert("tags", (TagRow(identity, name, at, who) for identity, change in changes.items()
                          for name in change.get("added", ())))  # fmt: skip
    books.change(
        "DELETE FROM tags WHERE sample_id = ? AND name = ?",
        [(i, name) for i, change in changes.items() for name in change.get("removed", ())],
    )
    books.add_history(HistoryRow(i, TAGGED, as_json(change)) for i, change in changes.items())
    return list(changes)


def note(books: Writer, ids: Sequence[str], text: str) -> None:
    """Add a note to samples."""
    said = as_json({"text": checked_text(text, "the note", "say something")})
    books.add_history(HistoryRow(identity, NOTE, said) for identity in ids)


def notes_in(history: Iterable[Mapping[str, Any]]) -> list[Row]:
    """Return the notes in rows of the history: ``at``, ``who``, ``text``."""
    return [
        {"at": row["at"], "who": row["who"], "text": row["detail"]["text"]}
        for row in history
        if row["event"] == NOTE
    ]


def owners_of(books: Reader, ids: Sequence[str]) -> dict[str, str]:
    """Return who looks after samples: who was named, else who planned them."""
    return dict(books.named("samples AS s", OWNER, ids, key="s.id"))


def own(books: Writer, ids: Sequence[str], owner: str) -> list[str]:
    """Name who looks after samples; return those on which that changed."""
    named = checked_text(owner, "the owner", "as in --owner mia")
    if "\n" in named or len(named) > LONGEST_LABEL:
        raise InputError(f"{named!r} is no name of an owner", hint="a short one, on one line")
    before = owners_of(books, ids)
    changed = [identity for identity in ids if before.get(identity) != named]
    rows = [OwnerRow(identity, named, now(), user()) for identity in changed]
    books.change(OWNER_ROW, rows)
    books.add_history(
        HistoryRow(i, OWNED, as_json({"owner": named, "before": before.get(i)})) for i in changed
    )
    return changed


def retirements(books: Reader, ids: Sequence[str]) -> dict[str, Row]:
    """Return who retired samples, when and why, of those that are retired."""
    from mcbook.catalog.dump import rows_among, stored_rows, table_of  # slow to import

    retired = table_of("retirements").c.state == RETIRED
    wanted = set(ids)
    rows = (
        rows_among(books, "retirements", "sample_id", wanted, retired)
        if len(wanted) <= _FEW
        else stored_rows(books, "retirements", retired)
    )
    return {
        row["sample_id"]: {key: row[key] for key in ("at", "who", "why")}
        for row in sorted(rows, key=lambda row: str(row["sample_id"]))
        if row["sample_id"] in wanted
    }


def said_of(identity: str, retired: Mapping[str, Any]) -> str:
    """Return a sentence on a retired sample."""
    return f"{identity} is retired: {retired['why']} ({retired['who']}, {retired['at'][:10]})"


def back(identity: str) -> str:
    """Return the hint how a retired sample comes back."""
    return f"`mcbook retire {identity} --undo --reason TEXT` brings it back"


def retire(books: Writer, ids: Sequence[str], why: str, *, undo: bool = False) -> list[str]:
    """Retire samples, or bring them back to what their parts and files say.

    Returns
    -------
    list
        The samples on which something changed; a sample that is retired keeps its reason.

    Raises
    ------
    InputError
        If there is no reason.
    """
    reason = " ".join(checked_text(why, "the reason", 'as in --reason "wrong width"').split())
    there = retirements(books, ids)
    changed = [identity for identity in ids if (identity in there) == undo]
    state = RESTORED if undo else RETIRED
    books.change(RETIREMENT_ROW, [RetirementRow(i, state, now(), user(), reason) for i in changed])
    settle(books, changed)
    books.add_history(HistoryRow(i, state, as_json({"why": reason})) for i in changed)
    return changed


OWNER_ROW = (
    "INSERT INTO owners (sample_id, owner, at, who) VALUES (?, ?, ?, ?) ON CONFLICT (sample_id)"
    " DO UPDATE SET owner = excluded.owner, at = excluded.at, who = excluded.who"
)
RETIREMENT_ROW = (
    "INSERT INTO retirements (sample_id, state, at, who, why) VALUES (?, ?, ?, ?, ?)"
    " ON CONFLICT (sample_id) DO UPDATE SET state = excluded.state, at = excluded.at,"
    " who = excluded.who, why = excluded.why"
)
"""Rows of owners and of retirements; the last word stands."""
