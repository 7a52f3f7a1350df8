"""``mcbook check``: whether what was made is what was expected."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mcbook import generators
from mcbook.catalog import files, simulations
from mcbook.catalog.dump import rows_among, stored_rows, table_of
from mcbook.catalog.lifecycle import retirements
from mcbook.catalog.store import open_catalog
from mcbook.catalog.writer import Reader
from mcbook.intake.closure import OUTLIER, Pull, kept_by_windows, pull, repeated, spread
from mcbook.registry.chain import parse_chain
from mcbook.verbs.lifetimes import undefined
from mcbook.verbs.lookup import sample_ids

Row = dict[str, Any]
_PAIR = 2


def check(
    expression: str | None = None,
    *,
    catalog: str | None = None,
    models_dir: str | Path | None = None,
) -> Row:
    """Hold cross sections of generators against those of the registry, and look for mishaps.

    What is expected is the registry's times what the generator's windows around resonances keep.
    The error of a comparison is the one that the generator quotes, doubled for MadGraph's where
    three or more particles are produced, and at least 0.3%.

    Parameters
    ----------
    expression
        Which samples; None means all.
    catalog
        Path or URL of the catalog.
    models_dir
        A folder of models that is looked into first.

    Returns
    -------
    dict
        ``catalog``; ``processes``, for each ``model``, ``process`` and ``generator`` the number of
        ``samples`` with events, ``mean`` and ``width`` of their pulls; ``pulls``, a row for each
        sample; ``outliers``, those beyond 4; ``left_out``, samples with events that no formula
        describes or that are retired, each with ``id``, ``reason``; ``seeds``, those that several
        samples have; ``missing``, files that cannot be reached; ``lifetimes``, particles that fly
        and that nothing makes fly, each with ``id``, ``particle``, ``ctau_mm``, ``reason``;
        ``failed``, whether anything is wrong.

    Raises
    ------
    InputError
        If the expression is not right, or there is no catalog.
    """
    with open_catalog(catalog, mode="read") as opened, opened.reading() as books:
        ids = sample_ids(books, expression, models_dir)
        retired = retirements(books, ids)
        found = _Found(books)
        samples = list(rows_among(books, "samples", "id", ids))
        for sample in samples:
            found.add(sample, retired.get(sample["id"]))
        alive = [row for row in samples if row["id"] not in retired]
        found.simulated([row["id"] for row in alive])
        used = [identity for identity in ids if identity not in retired]
        parts = rows_among(books, "parts", "sample_id", used)
        seeds = repeated((row["seed"], row["sample_id"]) for row in parts)
        outliers = [row for row in found.pulls if abs(row["pull"]) > OUTLIER]
        return {
            "catalog": opened.location,
            "processes": [
                {"model": model, "process": process, "generator": generator, **spread(listed)}
                for (model, process, generator), listed in sorted(found.groups.items())
            ],
            "pulls": found.pulls,
            "outliers": outliers,
            "left_out": found.left_out,
            "seeds": [{"seed": seed, "samples": names} for seed, names in seeds.items()],
            "missing": found.missing,
            "lifetimes": undefined(books, alive, models_dir),
            "failed": bool(outliers or seeds or found.missing),
        }


class _Found:
    """What a check found so far."""

    def __init__(self, books: Reader) -> None:
        self.books = books
        self.roots = books.roots()
        self.definitions = {row["digest"]: row for row in stored_rows(books, "definitions")}
        self.groups: dict[tuple[str, str, str], list[Pull]] = {}
        self.pulls: list[Row] = []
        self.left_out: list[Row] = []
        self.missing: list[Row] = []

    def add(self, sample: Row, retired: Row | None) -> None:
        """Look at a sample."""
        made = files.of_sample(self.books, sample["id"])
        if retired is not None:
            if made:
                reason = f"it is retired: {retired['why']}"
                self.left_out.append({"id": sample["id"], "reason": reason})
            return
        for row in made:
            path = self.roots[row["storage"]] / row["path"]
            if not files.is_in_place(path, row["size"]):
                self.missing.append({"id": sample["id"], "path": str(path)})
        definition = self.definitions[sample["definition"]]
        measured = files.cross_section(made)
        expected = sample["expected_rate"]
        if measured is None:
            return
        if reason := self._no_formula(sample, definition):
            self.left_out.append({"id": sample["id"], "reason": reason})
            return
        document = definition["document"]
        chains = document["closure"]["process"]["chains"]
        first = parse_chain(next(iter(chains.values()))[0])
        if widths := document["settings"].get("bwcutoff"):
            expected *= kept_by_windows(widths, sum(1 for _ in first.decays()))
        many = len(first.final) > _PAIR
        optimism = generators.get(sample["generator"]).optimism if many else 1.0
        entry = pull(sample["id"], measured, expected, optimism)
        key = (sample["model"], sample["process"], sample["generator"])
        self.groups.setdefault(key, []).append(entry)
        self.pulls.append(
            {
                "id": sample["id"],
                "process": sample["process"],
                "cross_section_fb": entry.found,
                "expected_fb": entry.expected,
                "error_fb": entry.error,
                "pull": entry.value,
            }
        )

    def simulated(self, ids: Sequence[str]) -> None:
        """Look for the files behind the simulations of samples; those on the grid are not seen."""
        rows = {row["id"]: row["sample_id"] for row in simulations.of_samples(self.books, ids)}
        for identity, listed in simulations.files_of(self.books, rows).items():
            for row in listed:
                if row["path"] is None:
                    continue
                path = self.roots[row["storage"]] / row["path"]
                if not files.is_in_place(path, row["size"]):
                    self.missing.append({"id": rows[identity], "path": str(path)})

    def _no_formula(self, sample: Row, definition: Row) -> str:
        """Return why the registry expects nothing that can be compared, "" where it does."""
        if definition["facts"]["unit"] != "fb" or not sample["expected_rate"]:
            return "no cross section is expected"
        if definition["document"]["settings"].get("isr", "none") != "none":
            return "it has ISR, and the formula is Born"
        points = table_of("points").c
        rows = stored_rows(self.books, "points", points.sample_id == sample["id"])
        wide = sorted({name for row in rows for name in row["wide"] or ()})
        return f"{', '.join(wide)} is wide, and the formula narrow" if wide else ""
