"""What a name in a query can stand for, and what the books know about the signal models in them."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from mcbook.catalog.accelerator import json_sql, quoted
from mcbook.catalog.writer import Reader, as_object
from mcbook.errors import InputError, did_you_mean
from mcbook.registry.expressions import SqlColumn
from mcbook.registry.physics.constants import CONSTANTS

_SETTING = (
    "(SELECT e.document -> 'settings' ->> '{}' FROM definitions AS e WHERE e.digest = s.definition)"
)
"""A generator setting: both databases read these operators alike."""

OWNER = (
    "COALESCE((SELECT o.owner FROM owners AS o WHERE o.sample_id = s.id),"
    " (SELECT h.who FROM history AS h WHERE h.sample_id = s.id"
    " ORDER BY h.at, h.event <> 'planned', h.id LIMIT 1))"
)
"""Who looks after a sample ``s``: who was named, else who planned it."""

_TAGGED = "s.id IN (SELECT t.sample_id FROM tags AS t WHERE t.name {})"
_COLLECTED = (
    "s.id IN (SELECT m.sample_id FROM collection_samples AS m"
    " JOIN (SELECT id, name FROM collections UNION ALL SELECT id, id FROM collections) AS c"
    " ON c.id = m.collection_id WHERE c.name {})"
)
"""A collection is named by its name or its id."""

_LABEL = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*")
LONGEST_LABEL = 64

FIELDS: Mapping[str, SqlColumn] = {
    "id": SqlColumn("s.id", "text"),
    "model": SqlColumn("s.model", "text"),
    "process": SqlColumn("s.process", "text"),
    "generator": SqlColumn("s.generator", "text"),
    "status": SqlColumn("s.status", "text"),
    "created": SqlColumn("s.created", "time"),
    "owner": SqlColumn(OWNER, "text"),
    "tag": SqlColumn(_TAGGED, "texts"),
    "collection": SqlColumn(_COLLECTED, "texts"),
    "directory": SqlColumn("s.directory", "text"),
    "n_events": SqlColumn("s.n_events", "number"),
    "events_target": SqlColumn("s.events_target", "number"),
    "points": SqlColumn("(SELECT COUNT(*) FROM points AS n WHERE n.sample_id = s.id)", "number"),
    **{name: SqlColumn(_SETTING.format(name), "text") for name in ("isr", "lifetime")},
    **{
        name: SqlColumn(f"CAST({_SETTING.format(name)} AS double precision)", "number")
        for name in ("sqrt_s", "alpha")
    },
}
"""Columns of a sample and its generator settings, as an expression and ``--sort`` may name them."""

LISTS: Mapping[str, str] = {
    "tags": "SELECT t.name FROM tags AS t WHERE t.sample_id = s.id",
    "collections": "SELECT DISTINCT c.name FROM collections AS c JOIN collection_samples AS m"
    " ON m.collection_id = c.id WHERE m.sample_id = s.id",
}
"""Lists of texts that ``--columns`` may name; they are looked up for the rows that are shown."""


def is_label(text: str) -> bool:
    """Return whether tags and collections may be called so."""
    return bool(_LABEL.fullmatch(text)) and len(text) <= LONGEST_LABEL


def list_sql(select: str, dialect: str) -> str:
    """Return one of `LISTS` as JSON in a cell, in no order."""
    gathered = "jsonb_agg" if dialect == "postgresql" else "json_group_array"
    return f"(SELECT {gathered}(listed.name) FROM ({select}) AS listed)"  # noqa: S608


OF_POINTS = frozenset({"factor", "cross_section_fb", "branching_fraction"})
"""Columns of a point, which an expression and ``--sort`` may name as well."""


def point_column(name: str, table: str, dialect: str) -> SqlColumn:
    """Return one of `OF_POINTS`: at the points ``p`` of the samples ``s``, or of these themselves.

    The cross section is that of the process as written, null for what is made in decays, which has
    a branching fraction of the parent in its place.

    Raises
    ------
    InputError
        If a sample has no such thing.
    """
    if name == "factor":
        if table == "s":
            raise InputError("a factor belongs to a point", hint="add --points for a row per point")
        return SqlColumn("p.factor", "number")
    unit = "d.facts ->> 'unit'" if dialect == "postgresql" else "json_extract(d.facts, '$.unit')"
    of_sample = f"(SELECT {unit} FROM definitions AS d WHERE d.digest = s.definition)"  # noqa: S608
    rate = "s.expected_rate" if table == "s" else "p.factor * s.expected_rate"
    wanted = "1" if name == "branching_fraction" else "fb"
    return SqlColumn(f"CASE WHEN {of_sample} = '{wanted}' THEN {rate} END", "number")


@dataclass(frozen=True, slots=True)
class ModelNames:
    """The names of one signal model, parameters in the order in which people look at them.

    `shape` are those that shape every sample of the model. `constants` are its own, not those of
    nature.
    """

    parameters: tuple[str, ...] = ()
    derived: frozenset[str] = frozenset()
    shape: frozenset[str] = frozenset()
    constants: frozenset[str] = frozenset()

    def __contains__(self, name: str) -> bool:
        return name in self.all

    @property
    def all(self) -> frozenset[str]:
        """Everything that a query may name."""
        return self.derived.union(self.parameters, self.constants)


def names_in(books: Reader, registry: Mapping[str, ModelNames]) -> dict[str, ModelNames]:
    """Return the names of every signal model that the books hold.

    Parameters
    ----------
    books
        The books. Which parameters shape the events of a sample is what its definition says.
    registry
        Parameters and derived quantities of the models in the registry. A model that is not there
        any more has the names that its samples carry.
    """
    found: dict[str, ModelNames] = {}
    rows = books.connection.exec_driver_sql(_ONE_OF_EACH)
    for model, document, facts, parameters, derived in rows:
        shape = frozenset(as_object(facts)["shape"])
        known = found.get(model) or replace(registry.get(model, ModelNames()), shape=shape)
        others = sorted(as_object(parameters).keys() - set(known.parameters))
        found[model] = ModelNames(
            parameters=(*known.parameters, *others),
            derived=known.derived | as_object(derived).keys(),
            shape=known.shape & shape,
            constants=known.constants | constants_in(as_object(document)).keys(),
        )
    return found


_ONE_OF_EACH = """
SELECT s.model, d.document, d.facts, s.parameters, s.derived FROM definitions d JOIN samples s
ON s.id = (SELECT id FROM samples WHERE definition = d.digest LIMIT 1)
"""


def constants_in(document: Mapping[str, Any]) -> dict[str, float]:
    """Return the constants of the model, not those of nature, that a definition holds."""
    quantities = document.get("closure", {}).get("quantities", {})
    return {
        name: float(value)
        for name, value in quantities.items()
        if isinstance(value, int | float) and name not in CONSTANTS
    }


def constant_sql(name: str, table: str, dialect: str) -> str:
    """Return SQL for the constant that the values of the points ``p`` or samples ``s`` have.

    Books that were written before values told their constants have it in the definition, where it
    shapes the events.
    """
    if dialect == "postgresql":
        path = quoted(f"{{closure,quantities,{name}}}")
        is_number = f"jsonb_typeof(d.document #> {path}) = 'number'"
        fixed = f"CAST(d.document #>> {path} AS double precision)"
    else:
        path = quoted(f'$.closure.quantities."{name}"')
        is_number = f"json_type(d.document, {path}) IN ('integer', 'real')"
        fixed = f"json_extract(d.document, {path})"
    computed = json_sql("f.versions", name, dialect)
    return (
        f"COALESCE((SELECT {computed} FROM formula_sets AS f"  # noqa: S608
        f" WHERE f.digest = {table}.formulas),"
        f" (SELECT CASE WHEN {is_number} THEN {fixed} END FROM definitions AS d"
        " WHERE d.digest = s.definition))"
    )


def check_name(name: str, models: Iterable[ModelNames]) -> None:
    """Refuse a name that is neither a column nor a quantity of any of *models*.

    Raises
    ------
    InputError
        With the nearest name that there is.
    """
    listed = list(models)
    columns = FIELDS.keys() | OF_POINTS
    if name not in columns and not any(name in model for model in listed):
        known = columns.union(*(model.all for model in listed))
        raise InputError(f"nothing is called {name!r}", hint=did_you_mean(name, known))
