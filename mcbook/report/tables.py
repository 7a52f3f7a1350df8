"""The tables of a HEPData submission, as plain values."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mcbook.analysis.records import BR, SIGMA, SIGMA_BR, STRENGTH
from mcbook.limits.result import SIGMAS
from mcbook.report import columns
from mcbook.report.columns import Bands, Json, Row, cell, column
from mcbook.report.document import is_intervals, key_of, varying
from mcbook.report.vocabulary import Vocabulary, vocabulary

LONGEST_NAME = 64
"""Of a table, as HEPData allows."""

MOST_REASONS = 10

_ERRORS = (
    "The errors of an expected limit are the distances to the limits expected at -1 and +1 (1"
    " sigma) and at -2 and +2 standard deviations (2 sigma); where there are none, these limits are"
    " equal."
)
_LINES = (
    "A row is one excluded interval of a hypothesis. Expected intervals are given for the median"
    " and at -2, -1, +1 and +2 standard deviations (sigma); these bands differ in how many they"
    " have, and a dash stands where a band has no more."
)


@dataclass(frozen=True, slots=True)
class Table:
    """One table: what submission.yaml says of it, and its columns."""

    name: str
    file: str
    description: str
    keywords: list[Json]
    independent: list[Json]
    dependent: list[Json]


@dataclass(frozen=True, slots=True)
class _Quantity:
    """What a table limits: `bands` takes a row, `observables` are words of HEPData."""

    key: str
    title: str
    units: str | None
    observables: tuple[str, ...]
    bands: Bands
    what: str = ""


@dataclass(frozen=True, slots=True)
class _Source:
    """A document with what all tables need of it."""

    document: Mapping[str, Any]
    words: Vocabulary
    axes: list[str]
    qualifiers: list[Json] = field(default_factory=list)

    @property
    def is_analysis(self) -> bool:
        return bool(self.document["kind"] == "analysis")


def tables(document: Mapping[str, Any]) -> list[Table]:
    """Return the tables of a checked limits document; those without any number are left out."""
    words = vocabulary(document)
    source = _Source(document, words, varying(document))
    source.qualifiers.extend(_qualifiers(source))
    found = []
    for quantity in _quantities(source):
        if quantity.key == "rate" and is_intervals(document):
            found.append(_interval_table(source, quantity))
        else:
            found.append(_limit_table(source, quantity))
    if source.is_analysis:
        found.append(_efficiency_table(source))
    return [table for table in found if table is not None]


def level(document: Mapping[str, Any]) -> tuple[str, str]:
    """Return what the level is called, for short and in full: a credibility level for Bayes."""
    methods = {row["method"] for row in document["limits"] if row["method"]}
    if (methods or {document["method"]}) == {"bayesian"}:
        return "credibility level", "credibility level"
    return "CL", "confidence level"


def _quantities(source: _Source) -> Iterator[_Quantity]:
    """Yield what is limited: first what the analysis asks for, each once."""
    at = _reference(source)
    what = "The signal strength multiplies the predicted signal" + (f", with {at}." if at else ".")
    strength = _Quantity("strength", "signal strength", None, ("CLS",), lambda row: row, what)
    what = f"Where lifetimes depend on what is limited, they are those at {at}." if at else ""
    events = _Quantity("events", "signal events", None, ("CLS", "N"), _events, what)
    if not source.is_analysis:
        yield strength
        yield events
        return
    name = source.document["rate"]["name"]
    sigma = _Quantity(
        "sigma", "production cross section", "fb", ("CLS", "SIG"), lambda row: row["sigma_fb"], what
    )
    sigma_br = _Quantity(
        "sigma_br", "cross section times branching fraction", "fb", ("CLS", "SIG"),
        lambda row: row["sigma_br_fb"], what,
    )  # fmt: skip
    words = {STRENGTH: strength, SIGMA: sigma, SIGMA_BR: sigma_br}
    title = "product of branching fractions" if name == BR else name
    units = source.words.units.get(name)
    rate = _Quantity("rate", title, units, ("CLS",), lambda row: row["rate"])
    first = words.get(name, rate)
    yield first
    yield from (entry for entry in (sigma, sigma_br, strength, events) if entry is not first)


def _events(row: Json) -> Mapping[str, Any]:
    return {"observed": row.get("observed_events"), "expected": row.get("expected_events")}


def _reference(source: _Source) -> str:
    """Return the value at which predictions have the parameter that is limited, as text."""
    vary = source.document.get("rate", {}).get("vary")
    values = {key_of(row["parameters"].get(vary)) for row in source.document["limits"]}
    if vary is None or len(values) != 1 or None in values:
        return ""
    return f"{vary} = {values.pop():.9g}"


def _limit_table(source: _Source, quantity: _Quantity) -> Table | None:
    rows, dropped = _split(source, lambda row: columns.has_numbers(quantity.bands(row)))
    if not rows:
        return None
    found = columns.limit_columns(
        rows, quantity.bands, f"upper limit on {quantity.title}", quantity.units, source.qualifiers
    )
    parts = [
        _title(source, f"Upper limits on {quantity.title}"), quantity.what, _expected(source),
        _ERRORS, _dropped(dropped),
    ]  # fmt: skip
    return _table(source, quantity, rows, parts, found)


def _interval_table(source: _Source, quantity: _Quantity) -> Table | None:
    rows, dropped = _split(source, lambda row: row["rate"].get("kind") is not None)
    if not rows:
        return None
    lines = columns.interval_rows(rows)
    found = columns.interval_columns(lines, quantity.title, quantity.units, source.qualifiers)
    edges = [columns.open_edges(row, k) for (_, row), k in lines]
    if any(edges):
        texts = ["; ".join(f"{edge}: {why}" for edge, why in entries) for entries in edges]
        found.append(column("Open edges", map(cell, texts)))
    parts = [
        _title(source, f"Excluded intervals of {quantity.title}"),
        _LINES, _expected(source), _open(edges), _dropped(dropped),
    ]  # fmt: skip
    table = _table(source, quantity, [entry for entry, _ in lines], parts, found)
    if len(lines) > len(rows):
        table.independent.append(column("Interval", ({"value": k + 1} for _, k in lines)))
    return table


def _efficiency_table(source: _Source) -> Table | None:
    rows, dropped = _split(source, _has_efficiency)
    channels = dict.fromkeys(name for _, row in rows for name in row["efficiency"])
    if not channels:
        return None
    of_limits = {"RE", "LUMINOSITY", "N_BB", "CROSS SECTION", "METHOD", level(source.document)[0]}
    kept = [entry for entry in source.qualifiers if entry["name"] not in of_limits]
    found = [
        column(f"Signal efficiency, channel {name}",
               (cell(row["efficiency"].get(name)) for _, row in rows), None,
               [*_reaction(source.words.productions.get(name, ())), *kept])
        for name in channels
    ]  # fmt: skip
    quantity = _Quantity("efficiency", "signal efficiency", None, ("EFF",), lambda row: row)
    at = _reference(source)
    parts = [
        _title(source, "Signal efficiency in each channel", with_level=False),
        f"It is taken at {at}." if at else "",
        _dropped(dropped, "an efficiency"),
    ]
    return _table(source, quantity, rows, parts, found)


def _has_efficiency(row: Json) -> bool:
    return any(value is not None for value in row["efficiency"].values())


def _split(source: _Source, has_limit: Callable[[Json], bool]) -> tuple[list[Row], list[Json]]:
    """Return the rows of a table with their numbers, and the rows that are left out."""
    numbered = list(enumerate(source.document["limits"], 1))
    return (
        [entry for entry in numbered if has_limit(entry[1])],
        [row for _, row in numbered if not has_limit(row)],
    )


def _table(
    source: _Source,
    quantity: _Quantity,
    rows: Sequence[Row],
    parts: Sequence[str],
    dependent: list[Json],
) -> Table:
    """Return a table with its axes, and with what leads from a row back to its samples."""
    kind = "Signal efficiency" if quantity.key == "efficiency" else f"Limits on {quantity.title}"
    name = kind if len(kind) <= LONGEST_NAME else "Limits on the rate"
    units = source.words.units
    axes = [
        column(axis, (cell(row["parameters"].get(axis)) for _, row in rows), units.get(axis))
        for axis in source.axes
    ]
    axes = axes or [column("Hypothesis", ({"value": number} for number, _ in rows))]
    said = [*parts, _result(source), source.words.note]
    file = "efficiency.yaml" if quantity.key == "efficiency" else f"limits_{quantity.key}.yaml"
    return Table(name, file, " ".join(filter(None, said)), _keywords(source, quantity), axes,
                 [*dependent, *_texts(source, quantity, rows)])  # fmt: skip


def _texts(source: _Source, quantity: _Quantity, rows: Sequence[Row]) -> Iterator[Json]:
    """Yield columns of text: what is special about a row, and where it comes from."""
    if not source.is_analysis:
        yield column("Name of the hypothesis", (cell(row["hypothesis"]) for _, row in rows))
    result = source.document.get("result")
    texts = {
        "Method": [row["method"] or "" for _, row in rows],
        "Status": [row["status"] if row["status"] != "ok" else "" for _, row in rows],
        "Note": [_note(row) if quantity.key == "rate" else "" for _, row in rows],
        "Flags": [", ".join(row.get("flags", [])) for _, row in rows],
    }
    if len(set(texts["Method"])) == 1:
        del texts["Method"]
    for name, values in texts.items():
        if any(values):
            yield column(name, map(cell, values))
    if source.is_analysis:
        yield column("Samples", (cell(", ".join(row["samples"])) for _, row in rows))
    if result is not None:
        yield column("Limit point", (cell(f"{result}:{number}") for number, _ in rows))


def _note(row: Json) -> str:
    """Return what is to say about the observed and the expected limit."""
    notes = row["rate"].get("note") or {}
    expected = (notes.get("expected") or [""] * len(SIGMAS))[columns.MEDIAN]
    said = {"observed": notes.get("observed"), "expected": expected}
    return "; ".join(f"{band}: {text}" for band, text in said.items() if text)


def _keywords(source: _Source, quantity: _Quantity) -> list[Json]:
    words, document = source.words, source.document
    found = {
        "reactions": list(dict.fromkeys(
            reaction for by_channel in (words.productions, words.decays)
            for listed in by_channel.values() for reaction in listed
        )),
        "observables": list(quantity.observables),
        "cmenergies": [document["sqrt_s"]] if source.is_analysis else [],
    }  # fmt: skip
    return [{"name": name, "values": values} for name, values in found.items() if values]


def _reaction(productions: Sequence[str]) -> list[Json]:
    """Return the qualifier for a reaction, where it is only one."""
    return [{"name": "RE", "value": productions[0]}] if len(set(productions)) == 1 else []


def _qualifiers(source: _Source) -> Iterator[Json]:
    """Yield what holds for all limits of a document."""
    document = source.document
    if source.is_analysis:
        yield from _reaction([r for each in source.words.productions.values() for r in each])
        yield {"name": "SQRT(S)", "units": "GeV", "value": document["sqrt_s"]}
        if "luminosity" in document:
            yield {"name": "LUMINOSITY", "units": "fb^-1", **cell(document["luminosity"]["value"])}
        else:
            yield {"name": "N_BB", **cell(document["n_bb"]["value"])}
    yield {"name": level(document)[0], "units": "%", **cell(100 * document["cl"])}
    methods = sorted({row["method"] for row in document["limits"] if row["method"]})
    yield {"name": "METHOD", "value": ", ".join(methods) or document["method"]}
    if source.is_analysis:
        yield {"name": "MODEL", "value": document["model"]}
        yield {"name": "CROSS SECTION", "value": document["cross_section"]}
        yield {"name": "ALPHA", **cell(document["alpha"])}
        yield {"name": "ISR", "value": document["isr"]}
        for name, value in document["constants"].items():
            yield {"name": name, **cell(value)}
        for name, text in document["branching"].items():
            yield {"name": name, "value": text}
        yield from _fixed(source)
    if document.get("result") is not None:
        yield {"name": "RESULT", "value": document["result"]}


def _fixed(source: _Source) -> Iterator[Json]:
    """Yield the parameters that are the same at all hypotheses, but the limited one."""
    first, units = source.document["limits"][0]["parameters"], source.words.units
    for name, value in first.items():
        if name not in source.axes and name != source.document["rate"].get("vary"):
            unit = {"units": units[name]} if name in units else {}
            yield {"name": name, **unit, **cell(value)}


def _title(source: _Source, what: str, *, with_level: bool = True) -> str:
    document = source.document
    at = f" at {100 * document['cl']:.9g}% {level(document)[1]}" if with_level else ""
    named = ": ".join(filter(None, (document.get("name"), document.get("title"))))
    return f"{what}{at}{f' ({named})' if named else ''}."


def _expected(source: _Source) -> str:
    before, after = (source.document.get(key) for key in ("expected", "expected_postfit"))
    marked = f"; those marked (post-fit) are {after}" if after else ""
    return f"Expected limits are {before}{marked}." if before else ""


def _dropped(rows: Sequence[Json], lacking: str = "a limit") -> str:
    """Return how many hypotheses are left out of a table, and why."""
    if not rows:
        return ""
    reasons = Counter(_reason(row) for row in rows).most_common()
    said = [f"{reason} ({count})" for reason, count in reasons[:MOST_REASONS]]
    if len(reasons) > MOST_REASONS:
        said.append(f"{len(reasons) - MOST_REASONS} more reasons")
    return f"Hypotheses without {lacking}, left out: {len(rows)}. Why: {'; '.join(said)}."


def _reason(row: Json) -> str:
    if not row["status"].startswith("ok"):
        return str(row["status"])
    return _note(row) if "rate" in row and _note(row) else "not defined"


def _open(edges: Sequence[Sequence[tuple[str, str]]]) -> str:
    """Return what is no edge of an exclusion, by why."""
    why = {"scan": "the scan of the coupling ends there", "unknown": "nothing is known beyond"}
    counts = Counter(reason for entries in edges for _, reason in entries)
    said = [f"{why.get(reason, reason)} ({count})" for reason, count in sorted(counts.items())]
    if not said:
        return ""
    return f"Edges in the column Open edges are no ends of the exclusion: {'; '.join(said)}."


def _result(source: _Source) -> str:
    result = source.document.get("result")
    named = f"Result {result} of mcbook; its rows are the limit points. " if result else ""
    return f"{named}Numbers have nine significant digits."
