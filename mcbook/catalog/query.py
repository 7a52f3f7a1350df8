"""From an expression to SQL over samples and their points.

A condition over columns of the sample and over parameters that shape the events of every sample in
question is asked of the samples. Any other names a property of points (rates, lifetimes, derived
quantities): a sample matches when it serves a point that has it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from mcbook.catalog import accelerator
from mcbook.catalog.accelerator import json_sql, quoted
from mcbook.catalog.collection import check_distinct
from mcbook.catalog.memory import memory_of
from mcbook.catalog.names import (
    FIELDS,
    OF_POINTS,
    ModelNames,
    check_name,
    constant_sql,
    names_in,
    point_column,
)
from mcbook.catalog.writer import Reader
from mcbook.errors import InputError
from mcbook.registry.expressions import Expression, SqlColumn, parse, register_functions
from mcbook.registry.expressions.nodes import (
    Call,
    Comparison,
    Logic,
    Membership,
    Name,
    Node,
    Text,
    children,
)
from mcbook.registry.expressions.sql import Dialect


@dataclass(frozen=True, slots=True)
class Clause:
    """A piece of SQL with its bound parameters."""

    sql: str
    values: Mapping[str, Any] = field(default_factory=dict)


class Search:
    """Samples that match an expression, and what their names stand for.

    Parameters
    ----------
    books
        The books, open for reading.
    expression
        A condition; None matches every sample.
    registry
        Names of the models in the registry.

    Raises
    ------
    InputError
        If it is no condition, or a name in it is unknown.
    """

    def __init__(
        self,
        books: Reader,
        expression: str | None,
        registry: Mapping[str, ModelNames],
    ) -> None:
        self.books = books
        self.dialect = cast("Dialect", books.connection.dialect.name)
        if self.dialect == "sqlite":
            _give_functions(books)
        self._memory = memory_of(books.connection)
        self.models = self._names(registry)
        self.known = [*registry.values(), *self.models.values()]
        self.conjuncts = conjuncts_of(_condition(expression)) if expression else []
        for conjunct in self.conjuncts:
            _check_quotes(conjunct.node, self.known)
            for name in sorted(conjunct.names):
                check_name(name, self.known)
            if "collection" in conjunct.names:
                check_distinct(books, _compared_with("collection", conjunct.node))
        self.candidates = self._candidates()
        self.index = self._only_index()
        self.columns = self._virtual_columns()

    def is_of_samples(self, names: Iterable[str]) -> bool:
        """Return whether quantities are the same at every point of a sample, and known from it."""
        shapes = [self.models[model].shape for model in self.candidates]
        return all(
            name in FIELDS or (name not in OF_POINTS and all(name in shape for shape in shapes))
            for name in names
        )

    def at_sample(self, name: str) -> SqlColumn:
        """Return the column of a quantity of the samples ``s``."""
        if name in self.columns:
            return SqlColumn(f's."{self.columns[name]}"', "number")
        return self._quantity(name, "s")

    def at_point(self, name: str) -> SqlColumn:
        """Return the column of a quantity at the points ``p`` of the samples ``s``."""
        if name in self.columns and self.is_of_samples([name]):
            return self.at_sample(name)
        return self._quantity(name, "p")

    def _quantity(self, name: str, table: str) -> SqlColumn:
        if name in FIELDS:
            return FIELDS[name]
        if name in OF_POINTS:
            return point_column(name, table, self.dialect)
        models = [self.models[model] for model in self.candidates] or self.known
        kinds = {"parameters" for model in models if name in model.parameters}
        kinds |= {"derived" for model in models if name in model.derived}
        parts = [json_sql(f"{table}.{kind}", name, self.dialect) for kind in sorted(kinds)]
        if any(name in model.constants for model in models):
            parts.append(constant_sql(name, table, self.dialect))
        if not parts:
            return SqlColumn("CAST(NULL AS double precision)", "number")
        return SqlColumn(parts[0] if len(parts) == 1 else f"COALESCE({', '.join(parts)})", "number")

    @property
    def parameters(self) -> tuple[str, ...]:
        """The parameters of the samples in question, in order."""
        names = (self.models[model].parameters for model in sorted(self.candidates))
        return tuple(dict.fromkeys(name for listed in names for name in listed))

    @property
    def has_all_columns(self) -> bool:
        """Return whether every parameter of the samples in question has a virtual column."""
        return bool(self.columns) and len(self.columns) == len(self.parameters)

    def tables(self) -> str:
        """Return the table of the samples ``s``, with the index to use."""
        if self.index and self._uses_index():
            return f'samples AS s INDEXED BY "{self.index.name}"'
        return "samples AS s"

    def matching(self, *, points: bool) -> Clause:
        """Return the condition on samples ``s``; with *points*, on joined points ``p`` as well."""
        rest = [c for c in self.conjuncts if not _is_of_model(c.node)]
        mine = [c for c in rest if self.is_of_samples(c.names)]
        theirs = [c for c in rest if not self.is_of_samples(c.names)]
        parts: list[str] = []
        values: dict[str, Any] = {}
        if len(self.candidates) == 1 or self.candidates != set(self.models):
            parts.append(self._model_sql())
        if mine:
            found = _joined(mine).to_sql(self.at_sample, self.dialect, prefix="s")
            parts.append(found.text)
            values |= found.parameters
        if theirs:
            found = _joined(theirs).to_sql(self.at_point, self.dialect, prefix="p")
            served = "EXISTS (SELECT 1 FROM points AS p WHERE p.sample_id = s.id AND"
            parts.append(found.text if points else f"{served} {found.text})")
            values |= found.parameters
        return Clause(" AND ".join(parts) or "1 = 1", values)

    def _model_sql(self) -> str:
        """Return the condition on the model, in literals: partial indexes do not see parameters."""
        if not self.candidates:
            return "1 = 0"
        names = [quoted(name) for name in sorted(self.candidates)]
        return f"s.model = {names[0]}" if len(names) == 1 else f"s.model IN ({', '.join(names)})"

    def _names(self, registry: Mapping[str, ModelNames]) -> Mapping[str, ModelNames]:
        """Return the names of the models in the books."""
        known, found = self._memory.get("names", (None, {}))
        if known != registry:
            found = names_in(self.books, registry)
            self._memory["names"] = (dict(registry), found)
        names: Mapping[str, ModelNames] = found
        return names

    def _candidates(self) -> set[str]:
        """Return the models that samples can match with: those that have every name that counts."""
        candidates = set(self.models)
        for conjunct in self.conjuncts:
            candidates &= _named_models(conjunct.node, candidates)
            if _is_strict(conjunct.node):
                for name in conjunct.names - FIELDS.keys() - OF_POINTS:
                    candidates = {model for model in candidates if name in self.models[model]}
        return candidates

    def _only_index(self) -> accelerator.Index | None:
        """Return the index of the model, where a single one is left."""
        if len(self.candidates) != 1:
            return None
        (model,) = self.candidates
        indexes: dict[str, accelerator.Index | None] = self._memory.setdefault("indexes", {})
        if model not in indexes:
            indexes[model] = accelerator.index_of(self.books.connection, model)
        return indexes[model]

    def _virtual_columns(self) -> dict[str, str]:
        if self.index is None:
            return {}
        names = self.parameters
        return {n: c for n in names if (c := accelerator.column_name(n)) in self.index.columns}

    def _uses_index(self) -> bool:
        """Return whether the index of the model helps: a condition is on one of its columns."""
        mine = (conjunct.names for conjunct in self.conjuncts)
        names = frozenset[str]().union(*filter(self.is_of_samples, mine))
        return bool(names & self.columns.keys()) and "id" not in names


def _give_functions(books: Reader) -> None:
    """Give a connection to SQLite the functions that SQL calls, once."""
    if not books.connection.info.get("mcbook_functions"):
        driver: Any = books.connection.connection.driver_connection
        register_functions(driver)
        books.connection.info["mcbook_functions"] = True


def _check_quotes(node: Node, models: Sequence[ModelNames]) -> None:
    """Refuse a word without quotes that is compared with a column of texts."""
    if isinstance(node, Comparison | Membership):
        found = list(_names_below(node))
        text = next((n for n in found if n in FIELDS and FIELDS[n].kind in {"text", "texts"}), None)
        columns = FIELDS.keys() | OF_POINTS
        for name in found:
            if text and name not in columns and not any(name in model for model in models):
                raise InputError(
                    f"nothing is called {name!r}", hint=f"quote it: {text} == '{name}'"
                )
        return
    for child in children(node):
        _check_quotes(child, models)


def _names_below(node: Node) -> Iterator[str]:
    """Yield the names in a node, from left to right."""
    if isinstance(node, Name):
        yield node.name
    for child in children(node):
        yield from _names_below(child)


def _compared_with(name: str, node: Node) -> Iterator[str]:
    """Yield the texts with which a column is compared."""
    found = children(node)
    if isinstance(node, Comparison | Membership) and name in _names_below(node):
        yield from (entry.value for entry in found if isinstance(entry, Text))
        return
    for child in found:
        yield from _compared_with(name, child)


def _condition(expression: str) -> Expression:
    parsed = parse(expression)
    if not parsed.is_boolean:
        raise InputError(
            f"{expression!r} is no condition", hint="compare it, as in 0.5 < m_chi1 <= 2"
        )
    return parsed


def conjuncts_of(expression: Expression) -> list[Expression]:
    """Return conditions that hold together exactly where *expression* holds."""
    found: list[Expression] = []
    rest = [expression.node]
    while rest:
        node = rest.pop()
        if isinstance(node, Logic) and node.operator == "and":
            rest.extend(reversed(node.operands))
        else:
            found.append(Expression(expression.text, node, is_boolean=True))
    return found


def _joined(conjuncts: list[Expression]) -> Expression:
    first, *others = conjuncts
    if not others:
        return first
    nodes = tuple(entry.node for entry in conjuncts)
    return Expression(first.text, Logic("and", nodes, column=1), is_boolean=True)


def _is_strict(node: Node) -> bool:
    """Return whether a condition cannot hold where one of its names is absent."""
    return isinstance(node, Comparison | Membership) and not _has_choice(node)


def _has_choice(node: Node) -> bool:
    is_choice = isinstance(node, Call) and node.function == "where"
    return is_choice or any(_has_choice(child) for child in children(node))


def _is_of_model(node: Node) -> bool:
    """Return whether a condition does nothing but name models, so that they stand for it."""
    return _listed_models(node) is not None


def _named_models(node: Node, models: set[str]) -> set[str]:
    """Return which of *models* a condition leaves: it may name one, or list some."""
    listed = _listed_models(node)
    return models if listed is None else models & listed


def _listed_models(node: Node) -> set[str] | None:
    """Return the models that a condition names, one or a list; None where it is another one."""
    match node:
        case Comparison(("==",), (Name("model"), Text(value)) | (Text(value), Name("model"))):
            return {value}
        case Membership(Name("model"), members, False):
            texts = {entry.value for entry in members if isinstance(entry, Text)}
            return texts or None  # a list is of texts or of numbers, which SQL refuses
        case _:
            return None
