"""Write the pages of ``docs/reference/`` from the code, or check that they are current.

``python docs/make_reference.py`` writes them, ``--check`` exits with 1 when one is not current.
"""

import inspect
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import typer

from mcbook import generators, resources
from mcbook.catalog.names import FIELDS, LISTS, OF_POINTS
from mcbook.cli.app import app
from mcbook.grid import axes
from mcbook.grid import file as grid_file
from mcbook.registry.expressions.check import LARGEST_EXPONENT
from mcbook.registry.expressions.functions import CALLABLE
from mcbook.registry.expressions.parser import LONGEST
from mcbook.registry.loader import load_model, model_names
from mcbook.registry.model import Derived, ModelConstant, Parameter, Process, SignalModel
from mcbook.registry.physics import FORMULAS

FOLDER = Path(__file__).resolve().parent / "reference"
MADE = "<!-- made by docs/make_reference.py; do not edit -->\n"


def main() -> int:
    """Write or check every page."""
    pages = {
        "cli.md": cli_page,
        "grid.md": grid_page,
        "models.md": models_page,
        "formulas.md": formulas_page,
    }
    stale = []
    for name, make in pages.items():
        path = FOLDER / name
        text = MADE + "\n".join(make()).rstrip() + "\n"
        if "--check" not in sys.argv:
            path.write_text(text, encoding="utf-8")
        elif not path.is_file() or path.read_text(encoding="utf-8") != text:
            stale.append(name)
    for name in stale:
        print(f"docs/reference/{name} is not current: run python docs/make_reference.py")
    return 1 if stale else 0


def cli_page() -> Iterator[str]:
    """Yield the page on the command line."""
    yield from ("# Command line", "")
    yield from command_section(typer.main.get_command(app), "mcbook")


def command_section(command: Any, name: str) -> Iterator[str]:
    """Yield the section on a command, and those on the commands below it."""
    below = getattr(command, "commands", {})
    arguments = [entry for entry in command.params if entry.param_type_name == "argument"]
    words = [entry.metavar if entry.required else f"[{entry.metavar}]" for entry in arguments]
    usage = " ".join([name, *words, "COMMAND ..." if below else "[OPTIONS]"])
    yield from (f"## {name}", "", f"`{usage}`", "", inspect.cleandoc(command.help or ""), "")
    rows = [parameter for entry in command.params if (parameter := option_row(entry))]
    if rows:
        yield from table(("", "default", "what it does"), rows)
    for word, inner in below.items():
        yield from command_section(inner, f"{name} {word}")


def option_row(entry: Any) -> tuple[str, ...] | None:
    """Return what a line of the table says about an argument or an option."""
    if entry.help is None or entry.name in {"install_completion", "show_completion"}:
        return None
    if entry.param_type_name == "argument":
        return (f"`{entry.metavar}`", "required" if entry.required else "", entry.help)
    takes = "" if entry.is_flag else f" {entry.metavar or entry.name.strip('_').upper()}"
    default = "" if entry.default in (None, False) else f"`{entry.default}`"
    needed = "required" if entry.required else default
    return (f"`{', '.join(entry.opts)}{takes}`", needed, entry.help)


def grid_page() -> Iterator[str]:
    """Yield the page on grid files and on the language of expressions."""
    yield from (
        "# Grid files",
        "",
        "A YAML file. Any key may be absent, but it must set a parameter;",
    )
    yield from ("those that are not set take their defaults.", "")
    yield from table(("key", "what it says"), described(GRID_KEYS, grid_file.KEYS))
    yield from ("## Ranges", "", "Under `scan`, and in the mappings of `zip`:", "")
    yield from table(("range", "values"), described(RANGES, axes.RANGES))
    yield from ("A plain list is short for `values`.", "", "## Designs", "")
    yield from table(("key of `design`", "what it says"), described(DESIGN, (*axes.DESIGNS, *OVER)))
    yield from ("## Generator settings", "", CHOICE, "")
    for name in ("madgraph", "native", "evtgen"):
        words = SETTINGS | OF_GENERATOR.get(name, {})
        rows = described(words, sorted(generators.get(name).setting_names()))
        yield from (f"### {name}", "", *table(("key of `generator`", "what it says"), rows))
    yield from ("## Expressions", "", EXPRESSIONS, "")
    functions = ", ".join(f"`{name}`" for name in CALLABLE)
    yield from (f"Functions: {functions}.", "")
    yield f"An expression has at most {LONGEST} characters and exponents up to {LARGEST_EXPONENT}."
    yield from ("A value that is absent or undefined fulfils no condition.", "")
    of_samples, of_points = (
        ", ".join(f"`{name}`" for name in names) for names in (FIELDS, sorted(OF_POINTS))
    )
    yield f"A query also knows columns of a sample: {of_samples}; and of its points: {of_points}."
    yield "`isr`, `lifetime`, `sqrt_s` and `alpha` are those of the generator settings."
    yield "A sample may have several tags and be in several collections: `tag == 'golden'` holds"
    yield "where it has that one, `tag != 'golden'` where it has not, `tag is None` without any."
    yield f"`--columns` takes {' and '.join(f'`{name}`' for name in LISTS)} as well."
    yield ""
    yield "`--near` sorts by `distance`, the root of the sum of squares of ln(x / t) for each value"
    yield "t that is named; of (x - t) / (|x| + |t|) where t is not positive. The nearest point of"
    yield "a sample counts."


def described(words: dict[str, str], names: Iterable[str]) -> list[tuple[str, str]]:
    """Return a row for each name; a name without words stops the making of the page."""
    return [(f"`{name}`", words[name]) for name in names]


GRID_KEYS = {
    "schema": "1, the version of this format; may be left out",
    "model": "the signal model; must agree with the command line",
    "process": "a process, `process/channel`, or a list; default: the model's default process",
    "scan": "a mapping of parameters to ranges; they are multiplied",
    "zip": "a list of mappings of parameters to ranges; those in one mapping run together",
    "points": "a CSV file, relative to the grid, whose columns are parameters",
    "design": "points that fill a space evenly",
    "fixed": "a mapping of parameters to one value",
    "derived": "a mapping of parameters to expressions over others, in any order",
    "require": "conditions on top of the process's own; a point that fails one is rejected",
    "events": "target for each sample: `50000`, `50k`, `1.5M`, or an expression",
    "generator": "which generator, and its settings, below",
    "salt": "a whole number that enters the seeds, 0 unless set; never the ids",
    "set": "other values of the model's constants, such as `{q_phi: 1}`;"
    " they enter the ids of processes whose events they shape",
}
RANGES = {
    "values": "`{values: [0.1, 0.2, 0.5]}`",
    "linspace": "`{linspace: [first, last, n]}`: n values at equal distances",
    "logspace": "`{logspace: [first, last, n]}`: n values at equal ratios; values, no exponents",
    "step": "`{step: [lowest, highest, step]}`, the highest included",
}
DESIGN = {
    "sobol": "number of points of a Sobol sequence, shifted at random",
    "lhs": "number of points of a Latin hypercube",
    "seed": "a whole number; the same seed gives the same points",
    "over": "a mapping of parameters to `{linear: [low, high]}` or `{log: [low, high]}`",
}
OVER = ("seed", "over")
SETTINGS = {
    "alpha": "the fine-structure constant, in cards and formulas; default 1/137.035999",
    "sqrt_s": "energy in the centre of mass [GeV]; default 10.58",
    "isr": "`none` (default) or `leading-log`",
    "lifetime": "`displacer` (default: prompt in the generator) or `generator`",
    "ufo": "folder of a UFO package, in place of mcbook's own",
    "names": "what that package calls mcbook's particles and quantities",
    "aliases": "`belle2` (default) or `standalone`: who declares the aliases of signal B mesons",
    "signal_b": "which B mesons are signal: `one` (default) or `both`",
    "event_type": "the ten characters of the Belle II event type; derived unless given",
}
OF_GENERATOR = {"native": {"isr": "`none`: it has no other"}}
CHOICE = """`name` chooses another generator than the one that the registry names for a process, for
all processes of the grid; `--generator` on the command line goes first. The name of the generator
is part of an id, so the samples of two generators are two. The other keys are settings of the
generators that the grid uses."""
EXPRESSIONS = """The same language serves `derived`, `require` and `events` of grids, the
expressions of signal models, and `mcbook query`. It has numbers, names, text in quotes,
`+ - * / % **`, comparisons that may be chained (`0.5 < m_chi1 <= 2`), `and`, `or`, `not`, `in`,
`is None`, and functions."""


def models_page() -> Iterator[str]:
    """Yield the page on the signal models."""
    yield from ("# Signal models", "")
    yield "Masses and widths in GeV, `ctau_*` in mm, `xsec_*` in fb. `mcbook models NAME --at ...`"
    yield from ("prints the values at a point.", "")
    shipped = resources.shipped("models")
    for name in model_names():
        if (shipped / f"{name}.yaml").is_file():
            yield from model_section(load_model(name))


def formulas_page() -> Iterator[str]:
    """Yield the lines of the page on shipped formulas."""
    yield "# Formulas"
    yield ""
    yield "What `formula:` in the YAML of a model can name. Masses, widths and energies are in GeV,"
    yield "lengths in mm, cross sections in fb. An argument in brackets may be left out."
    yield ""
    rows = []
    for _, formula in sorted(FORMULAS.items()):
        parameters = inspect.signature(formula.function).parameters.values()
        arguments = (p.name if p.default is p.empty else f"[{p.name}]" for p in parameters)
        summary = (inspect.getdoc(formula.function) or "").partition("\n")[0]
        summary = summary.removeprefix("Return ")
        rows.append((f"`{formula.reference}`", ", ".join(arguments), formula.unit, summary))
    yield from table(("formula", "arguments", "unit", "what it is"), rows)


def model_section(model: SignalModel) -> Iterator[str]:
    """Yield the section on one signal model."""
    yield from (f"## {model.name}: {model.title}", "", model.description, "")
    yield from (f"- {reference}" for reference in model.references)
    yield from ("", "### Parameters", "")
    yield from table(
        ("name", "unit", "default", "allowed", "of interest", "what it is"),
        map(parameter_row, model.parameters.values()),
    )
    for constant in model.constants.values():
        allowed = f" ({bounds})" if (bounds := allowed_values(constant)) else ""
        yield f"Constant `{constant.name}` = {constant.value:g}{allowed}: {constant.description}."
        yield ""
    yield from ("### Derived quantities", "")
    yield from table(
        ("name", "unit", "formula", "source"), map(derived_row, model.derived.values())
    )
    yield from ("### Processes", "")
    for process in model.processes.values():
        default = " (default)" if process.name == model.default_process else ""
        yield from process_section(process, default)


def parameter_row(parameter: Parameter) -> tuple[str, ...]:
    """Return what a line of the table says about a parameter."""
    default = "absent" if parameter.default is None else f"{parameter.default:g}"
    interest = "{:g} to {:g}".format(*parameter.interest) if parameter.interest else ""
    return (
        f"`{parameter.name}`",
        parameter.unit,
        default,
        allowed_values(parameter),
        interest,
        parameter.description,
    )


def allowed_values(entry: Parameter | ModelConstant) -> str:
    """Return the hard bounds of a parameter or a constant, nothing where it has none."""
    limits = (
        (">=", entry.minimum), (">", entry.above), ("<=", entry.maximum), ("<", entry.below),
    )  # fmt: skip
    return ", ".join(f"{sign} {bound:g}" for sign, bound in limits if bound is not None)


def derived_row(derived: Derived) -> tuple[str, ...]:
    """Return what a line of the table says about a derived quantity."""
    formula = derived.formula or (derived.expression.text if derived.expression else "")
    known = f", known where `{derived.known.text}`" if derived.known else ""
    return (f"`{derived.name}`", derived.unit, f"`{formula}`{known}", derived.source)


def process_section(process: Process, default: str) -> Iterator[str]:
    """Yield what there is to say about a process."""
    yield from (f"`{process.name}`{default}: {process.title}; made by {process.generator}.", "")
    for channel in process.channels:
        name = f"channel `{channel.name}`: " if channel.name and process.channel_names else ""
        for chain in channel.chains:
            yield f"- {name}`{chain}`"
        if channel.fraction is not None:
            yield f"  with the fraction `{channel.fraction.text}`"
    roles: dict[str, list[str]] = {}
    for parameter, role in process.roles.items():
        roles.setdefault(" and ".join(sorted(role)) or "unused", []).append(f"`{parameter}`")
    yield "- roles: " + "; ".join(f"{role}: {', '.join(names)}" for role, names in roles.items())
    for constraint in process.constraints:
        yield f"- requires `{constraint.text}`"
    yield from (f"- production: `{process.production}`", "")


def table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    """Yield a table."""
    titles = list(header)
    yield f"| {' | '.join(titles)} |"
    yield "|" + "---|" * len(titles)
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"
    yield ""


if __name__ == "__main__":
    sys.exit(main())
