"""Takes the books of another person into one's own, in one transaction.

A part is the same where sample and seed are the same; then its cards must be the same too. Merging
the same books again changes nothing.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func, select

from mcbook.catalog.dump import stored_rows, table_of
from mcbook.catalog.files import AFTER, GENERATED, mark, settle
from mcbook.catalog.merge_simulations import merge_simulations
from mcbook.catalog.merge_words import merge_words, names_in_both, newly_retired
from mcbook.catalog.rows import CardRow, FileRow, PartRow, make_row
from mcbook.catalog.writer import Reader, Writer
from mcbook.errors import WorkError

_CHUNK = 1000
_MAX_LISTED = 20

Cards = dict[tuple[str, int], dict[str, CardRow]]
"""Cards by sample and part, then by path below the folder of the sample or part."""


@dataclass(slots=True)
class Merged:
    """What a merge did: new rows by table, and what somebody should look at."""

    new: Counter[str] = field(default_factory=Counter)
    warnings: list[str] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    """Samples of which the two books say different things."""


def merge(mine: Writer, theirs: Reader) -> Merged:
    """Add everything that *theirs* has and *mine* has not.

    Raises
    ------
    WorkError
        If a part (the same sample and seed) has other cards in the two books, or one id stands for
        two samples. Nothing is kept then.
    """
    merged = Merged()
    roots = {name: mine.add_root(path) for name, path in theirs.roots().items()}
    _shared(mine, theirs, roots, merged)
    samples = table_of("samples")
    ids = theirs.connection.execute(select(samples.c.id).order_by(samples.c.id)).scalars().all()
    for start in range(0, len(ids), _CHUNK):
        _Chunk(mine, theirs, ids[start : start + _CHUNK], roots, merged).merge()
    rows = [make_row("unblindings", row) for row in stored_rows(theirs, "unblindings")]
    merged.new["unblindings"] += mine.insert("unblindings", rows, skip="id")
    below = {"limit_points": "result_id", "result_samples": "result_id"}
    _hashed(mine, theirs, merged, "results", below)
    _hashed(mine, theirs, merged, "efficiency_maps", {"efficiency_rows": "map_id"})
    _hashed(mine, theirs, merged, "cutflows", {"cutflow_rows": "cutflow_id"})
    merged.warnings += names_in_both(mine, theirs)
    _hashed(mine, theirs, merged, "collections", {"collection_samples": "collection_id"})
    merged.warnings += [*_short(merged.words), *_equal_seeds(mine)]
    return merged


def _short(words: Sequence[str]) -> list[str]:
    more = len(words) - _MAX_LISTED
    rest = [f"of {more} more samples the two books said different things"] if more > 0 else []
    return [*words[:_MAX_LISTED], *rest]


def _hashed(
    mine: Writer, theirs: Reader, merged: Merged, table: str, below: Mapping[str, str]
) -> None:
    """Add what is named by a hash of itself, and the rows of the tables *below* that belong to it.

    *below* says in which column these tables name it.
    """
    found = {row["id"]: row for row in stored_rows(theirs, table)}
    there = dict(mine.named(table, "digest", found))
    for identity, digest in there.items():
        if found[identity]["digest"] != digest:
            raise WorkError(f"the id {identity} stands for two different {table.replace('_', ' ')}")
    new = [row for identity, row in found.items() if identity not in there]
    merged.new[table] += mine.insert(table, [make_row(table, row) for row in new])
    for row in new:
        for name, key in below.items():
            belonging = table_of(name).c[key] == row["id"]
            added = [make_row(name, entry) for entry in stored_rows(theirs, name, belonging)]
            merged.new[name] += mine.insert(name, added)


def _shared(mine: Writer, theirs: Reader, roots: dict[str, str], merged: Merged) -> None:
    """Add what samples share: definitions, versions of formulas, files."""
    keys = {
        "definitions": "digest",
        "formula_sets": "digest",
        "shared_files": "definition, storage, path",
    }
    for name, key in keys.items():
        rows = [make_row(name, _moved(row, roots)) for row in stored_rows(theirs, name)]
        merged.new[name] += mine.insert(name, rows, skip=key)


def _moved(row: dict[str, Any], roots: dict[str, str]) -> dict[str, Any]:
    """Return a row that names the storage root as it is called here."""
    return {**row, "storage": roots[row["storage"]]} if "storage" in row else row


class _Chunk:
    """Some samples of the other books, with all that belongs to them."""

    def __init__(
        self,
        mine: Writer,
        theirs: Reader,
        ids: Sequence[str],
        roots: dict[str, str],
        merged: Merged,
    ) -> None:
        self.mine = mine
        self.theirs = theirs
        self.ids = ids
        self.roots = roots
        self.merged = merged
        self.my_samples = {row["id"]: row for row in self._rows(mine, "samples")}
        self.my_cards = self._cards(mine)
        self.their_cards = self._cards(theirs)
        self.numbers: dict[tuple[str, int], int] = {}
        """What a part of theirs is called here, by its sample and its number there."""

    def merge(self) -> None:
        """Add what is new, sample by sample."""
        self._samples()
        points = [make_row("points", row) for row in self._rows(self.theirs, "points")]
        self.merged.new["points"] += self.mine.add_points(points)
        self._parts()
        self._files()
        known = list(self.my_samples)
        self.merged.words += newly_retired(self.mine, self.theirs, known)
        self.merged.words += merge_words(self.mine, self.theirs, self.ids, self.merged.new)
        self.merged.words += merge_simulations(
            self.mine, self.theirs, self.ids, self.numbers, self.roots, self.merged.new
        )
        there = {_key(row) for row in self._rows(self.mine, "history")}
        history = {_key(row): row for row in self._rows(self.theirs, "history")}
        new = [make_row("history", row) for key, row in history.items() if key not in there]
        self._add("history", new)

    def _rows(self, books: Reader, name: str) -> list[dict[str, Any]]:
        column = table_of(name).c["id" if name == "samples" else "sample_id"]
        return list(stored_rows(books, name, column.in_(self.ids)))

    def _cards(self, books: Reader) -> Cards:
        folders = {(row["id"], 0): row["directory"] for row in self._rows(books, "samples")}
        for row in self._rows(books, "parts"):
            folders[row["sample_id"], row["number"]] = row["directory"]
        cards: Cards = defaultdict(dict)
        for row in self._rows(books, "cards"):
            card: CardRow = make_row("cards", row)
            key = (card.sample_id, card.part)
            cards[key][card.path.removeprefix(folders[key] + "/")] = card
        return cards

    def _add(self, name: str, rows: Sequence[Any]) -> None:
        self.merged.new[name] += self.mine.insert(name, rows)

    def _samples(self) -> None:
        new, raised = [], []
        cards: list[CardRow] = []
        for row in self._rows(self.theirs, "samples"):
            own = self.my_samples.get(row["id"])
            their_cards = self.their_cards.get((row["id"], 0), {})
            if own is None:
                new.append(make_row("samples", _moved(row, self.roots)))
                cards += their_cards.values()
                continue
            if own["digest"] != row["digest"]:
                raise WorkError(f"the id {row['id']} stands for two different samples")
            raised.append((row["id"], row["events_target"], row["n_events"]))
            if _sums(their_cards) != _sums(self.my_cards.get((row["id"], 0), {})):
                self.merged.warnings.append(
                    f"{row['id']}: the cards differ in bytes; those of this catalog are kept"
                )
        self.mine.raise_events(raised)
        self._add("samples", new)
        self._add("cards", cards)

    def _parts(self) -> None:
        by_seed: defaultdict[str, dict[int, dict[str, Any]]] = defaultdict(dict)
        for row in self._rows(self.mine, "parts"):
            by_seed[row["sample_id"]][row["seed"]] = row
        new: list[PartRow] = []
        cards: list[CardRow] = []
        for row in self._rows(self.theirs, "parts"):
            part: PartRow = make_row("parts", _moved(row, self.roots))
            own = by_seed[part.sample_id]
            their_cards = self.their_cards.get((part.sample_id, part.number), {})
            if part.seed in own:
                self._compare(part, own[part.seed], their_cards)
                self.numbers[part.sample_id, part.number] = own[part.seed]["number"]
                continue
            number = _free(part.number, (taken["number"] for taken in own.values()))
            self.numbers[part.sample_id, part.number] = number
            own[part.seed] = {**row, "number": number}
            new.append(part._replace(number=number))
            cards += [card._replace(part=number) for card in their_cards.values()]
        self._add("parts", new)
        self._add("cards", cards)

    def _files(self) -> None:
        """Add files of parts that have none here; a part that was made twice is refused."""
        mine = {(r["sample_id"], r["part"], r["tier"]): r for r in self._rows(self.mine, "files")}
        new: list[FileRow] = []
        for row in self._rows(self.theirs, "files"):
            number = self.numbers[row["sample_id"], row["part"]]
            own = mine.get((row["sample_id"], number, row["tier"]))
            if own is None:
                new.append(make_row("files", {**_moved(row, self.roots), "part": number}))
            elif own["sha256"] != row["sha256"]:
                raise WorkError(
                    f"part {number} of {row['sample_id']} was made in both books, and the files"
                    " differ",
                    hint="the same seed gives the same events: keep one of the two, and make more"
                    " with another `salt`",
                )
        self._add("files", new)
        mark(self.mine, GENERATED, [(r.sample_id, r.part) for r in new if r.tier not in AFTER])
        settle(self.mine, {sample_id for sample_id, *_ in mine})

    def _compare(self, part: PartRow, own: dict[str, Any], their_cards: dict[str, CardRow]) -> None:
        """Refuse a part that the two books have with different cards."""
        mine = self.my_cards.get((part.sample_id, own["number"]), {})
        if _sums(mine) == _sums(their_cards):
            return
        which = f"part {part.number} of {part.sample_id} (seed {part.seed})"
        if own["events"] != part.events:
            raise WorkError(
                f"{which} has {own['events']} events here and {part.events} in the other books",
                hint="two books that ask for other numbers of events need another `salt` in their"
                " grids, which gives other seeds: make the samples of one of them again with one",
            )
        raise WorkError(
            f"{which} has other cards in the other books",
            hint="find out which of the two was produced, and make the other again with another"
            " `salt` in its grid, which gives it another seed",
        )


def _key(row: dict[str, Any]) -> str:
    """Return text that is the same for equal rows, whatever the order of what is in them."""
    return json.dumps(row, sort_keys=True)


def _sums(cards: dict[str, CardRow]) -> dict[str, str]:
    return {path: card.sha256 for path, card in cards.items()}


def _free(number: int, taken: Iterable[int]) -> int:
    """Return *number*, or the first one behind all that are taken."""
    used = set(taken)
    return number if number not in used else max(used) + 1


def _equal_seeds(mine: Reader) -> Iterator[str]:
    """Yield a sentence for each seed that parts of different samples have."""
    parts = table_of("parts")
    distinct = func.count(parts.c.sample_id.distinct())
    statement = (
        select(parts.c.seed, distinct).group_by(parts.c.seed).having(distinct > 1)
    ).order_by(parts.c.seed)
    found = mine.connection.execute(statement).all()
    for seed, n_samples in found[:_MAX_LISTED]:
        yield f"{n_samples} samples have a part with the seed {seed}"
    if len(found) > _MAX_LISTED:
        yield f"{len(found) - _MAX_LISTED} more seeds belong to several samples"
