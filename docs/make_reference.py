"""Write the pages of ``docs/reference/`` from the code, or check that they are current.

``python docs/make_reference.py`` writes them, ``--check`` exits with 1 when one is not current.
"""

import inspect
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import typer

from mcbook import resources
from mcbook.cli.app import app
from mcbook.registry.loader import load_model, model_names
from mcbook.registry.model import Derived, Parameter, Process, SignalModel

FOLDER = Path(__file__).resolve().parent / "reference"
MADE = "<!-- made by docs/make_reference.py; do not edit -->\n"


def main() -> int:
    """Write or check every page."""
    pages = {"cli.md": cli_page, "models.md": models_page}
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


def models_page() -> Iterator[str]:
    """Yield the page on the signal models."""
    yield from ("# Signal models", "")
    yield "Masses and widths in GeV, `ctau_*` in mm, `xsec_*` in fb. `mcbook models NAME --at ...`"
    yield from ("prints the values at a point.", "")
    shipped = resources.shipped("models")
    for name in model_names():
        if (shipped / f"{name}.yaml").is_file():
            yield from model_section(load_model(name))


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
        yield f"Constant `{constant.name}` = {constant.value:g}: {constant.description}."
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
    limits = (
        (">=", parameter.minimum), (">", parameter.above),
        ("<=", parameter.maximum), ("<", parameter.below),
    )  # fmt: skip
    default = "absent" if parameter.default is None else f"{parameter.default:g}"
    allowed = ", ".join(f"{sign} {bound:g}" for sign, bound in limits if bound is not None)
    interest = "{:g} to {:g}".format(*parameter.interest) if parameter.interest else ""
    return (
        f"`{parameter.name}`",
        parameter.unit,
        default,
        allowed,
        interest,
        parameter.description,
    )


def derived_row(derived: Derived) -> tuple[str, ...]:
    """Return what a line of the table says about a derived quantity."""
    formula = derived.formula or (derived.expression.text if derived.expression else "")
    return (f"`{derived.name}`", derived.unit, f"`{formula}`", derived.source)


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
