"""What a name in a query can stand for, and what the books know about the signal models in them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from mcbook.catalog.writer import Reader, as_object
from mcbook.errors import InputError, did_you_mean
from mcbook.registry.expressions import SqlColumn

_SETTING = (
    "(SELECT e.document -> 'settings' ->> '{}' FROM definitions AS e WHERE e.digest = s.definition)"
)
"""A generator setting: both databases read these operators alike."""

FIELDS: Mapping[str, SqlColumn] = {
    "id": SqlColumn("s.id", "text"),
    "model": SqlColumn("s.model", "text"),
    "process": SqlColumn("s.process", "text"),
    "generator": SqlColumn("s.generator", "text"),
    "status": SqlColumn("s.status", "text"),
    "created": SqlColumn("s.created", "time"),
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

    `shape` are those that shape every sample of the model.
    """

    parameters: tuple[str, ...] = ()
    derived: frozenset[str] = frozenset()
    shape: frozenset[str] = frozenset()

    def __contains__(self, name: str) -> bool:
        return name in self.parameters or name in self.derived


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
    for model, facts, parameters, derived in books.connection.exec_driver_sql(_ONE_OF_EACH):
        shape = frozenset(as_object(facts)["shape"])
        known = found.get(model) or replace(registry.get(model, ModelNames()), shape=shape)
        others = sorted(as_object(parameters).keys() - set(known.parameters))
        found[model] = ModelNames(
            parameters=(*known.parameters, *others),
            derived=known.derived | as_object(derived).keys(),
            shape=known.shape & shape,
        )
    return found


_ONE_OF_EACH = """
SELECT s.model, d.facts, s.parameters, s.derived FROM definitions d JOIN samples s
ON s.id = (SELECT id FROM samples WHERE definition = d.digest LIMIT 1)
"""


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
        known = columns.union(*(model.derived.union(model.parameters) for model in listed))
        raise InputError(f"nothing is called {name!r}", hint=did_you_mean(name, known))
