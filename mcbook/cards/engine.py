"""The one Jinja2 environment: every generator card and every UFO file is rendered here.

Templates are strict (a name that the caller does not give is an error) and pure text: the same
values always make the same bytes. The first line of a template declares its version::

    {# mcbook-template version: 1 #}

It is raised when the events that a card makes change; an edited comment leaves it alone.
"""

import re
import traceback
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import (
    Environment,
    FileSystemLoader,
    StrictUndefined,
    Template,
    TemplateError,
    UndefinedError,
)

from mcbook import resources
from mcbook.errors import InputError, McbookError, did_you_mean

_UNKNOWN = re.compile(r"'(\w+)' is undefined")
_VERSION = re.compile(r"\{#-?\s*mcbook-template version:\s*(\d+)\s*-?#\}")


class CardTemplate:
    """One compiled template with the version that it declares."""

    def __init__(self, path: Path, version: int, compiled: Template) -> None:
        self.path = path
        self.version = version
        self._compiled = compiled

    def render(self, **context: Any) -> bytes:
        """Return the text in UTF-8, ending as the template ends.

        Raises
        ------
        InputError
            If the template names something that *context* does not hold, or does with a value what
            cannot be done; with the line.
        """
        return self.text(context).encode()

    def text(self, context: Mapping[str, Any]) -> str:
        """Return the text as it goes into another card; see `render`."""
        try:
            return self._compiled.render(context)
        except McbookError:
            raise
        except Exception as error:  # noqa: BLE001  a filter may raise anything
            place, text = _line_of(error) or self.path, str(error) or type(error).__name__
            raise InputError(
                f"{place}: the template cannot be rendered: {text}", hint=_hint(error, context)
            ) from None


def render(name: str, **context: Any) -> bytes:
    """Render a template by name, its path below ``templates/``.

    Raises
    ------
    InputError
        If there is no such template, it cannot be compiled, declares no version, or names
        something that *context* does not hold.
    """
    return template(name).render(**context)


def version(name: str) -> int:
    """Return the version that a template declares in its first line; see `render`."""
    return template(name).version


def template(name: str) -> CardTemplate:
    """Return a compiled template, a user's own before the shipped one; see `render`."""
    return _template(tuple(resources.search_path("templates")), name)


@cache
def _environment(folders: tuple[Path, ...]) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(folders),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701 - cards are no HTML
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters["py"] = repr
    environment.filters["number"] = number
    return environment


@cache
def _template(folders: tuple[Path, ...], name: str) -> CardTemplate:
    environment = _environment(folders)
    path = next((folder / name for folder in folders if (folder / name).is_file()), None)
    if path is None:
        raise InputError(
            f"there is no template {name!r} in {', '.join(map(str, folders))}",
            hint="the shipped templates have the folders evtgen, madgraph and ufo",
        )
    declared = _VERSION.match(path.read_text(encoding="utf-8"))
    if declared is None:
        raise InputError(
            f"{path}: the first line declares no version",
            hint="begin the template with {# mcbook-template version: 1 #}",
        )
    try:
        return CardTemplate(path, int(declared[1]), environment.get_template(name))
    except TemplateError as error:
        line = getattr(error, "lineno", None)
        place = f"{path}:{line}" if line else str(path)
        raise InputError(f"{place}: {error.message}", hint="see the Jinja2 documentation") from None


def _line_of(error: Exception) -> str | None:
    """Return path and line of the template in which an error arose: Jinja2 traces it back there."""
    frames = traceback.extract_tb(error.__traceback__)
    inside = [frame for frame in frames if frame.filename.endswith(".j2")]
    return f"{inside[-1].filename}:{inside[-1].lineno}" if inside else None


def _hint(error: Exception, context: Mapping[str, Any]) -> str:
    """Return what a template may do instead."""
    unknown = _UNKNOWN.fullmatch(str(error)) if isinstance(error, UndefinedError) else None
    near = did_you_mean(unknown[1], context) if unknown else None
    return near or "a template may only use what mcbook passes to it"


def number(value: float) -> str:
    """Return a number as cards carry it: twelve significant digits, the same on every machine.

    The last digits of a double depend on the mathematics library that computed it; twelve are
    more than any generator reads.
    """
    return f"{value:.12g}"
