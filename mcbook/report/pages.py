"""Pages of HTML that need nothing else: pictures, tables, and text with symbols."""

import math
import re
from base64 import b64encode
from collections.abc import Sequence
from html import escape
from html.entities import html5

from mcbook.report.fitviews import Cell, Table

DIGITS = 8
"""Behind the point, beyond which numbers are written with powers of ten."""

_SIGNS = {
    "cdot": "sdot", "geq": "ge", "infty": "infin", "leq": "le", "sqrt": "radic", "to": "rarr",
}  # fmt: skip
"""LaTeX whose name in HTML is another; most letters are called the same."""
_MATH = re.compile(r"\$([^$]+)\$")
_FONT = re.compile(r"\\(?:mathrm|mathcal|mathit|text|hat|bar|tilde)\b\s*")
_SPACE = re.compile(r"\\[,;:! ]")
_COMMAND = re.compile(r"\\([A-Za-z]+)\s*")
_LEVEL = re.compile(r"([_^])(?:\{([^{}]*)\}|(&#?\w+;|[^\s{}]))")


def picture(png: bytes, label: str) -> str:
    """Return a PNG as an image of the page."""
    source = b64encode(png).decode("ascii")
    return f'<img alt="{escape(label)}" src="data:image/png;base64,{source}">'


def pair(value: float | None, error: float | None) -> str:
    """Return a value with its error; an empty text where one is not known."""
    if value is None or error is None:
        return ""
    return f"{value:.5g} ± {error:.2g}"


def measured(value: float, error: float) -> str:
    """Return a value to the second digit of its error; an empty text where the value is NaN.

    Examples
    --------
    >>> measured(0.046674, 0.2113), measured(1234.5, 160.0), measured(2e-12, 3.2e-13)
    ('0.05 ± 0.21', '1234 ± 160', '2e-12 ± 3.2e-13')
    """
    if math.isnan(value):
        return ""
    digits = 1 - math.floor(math.log10(error)) if 0 < error < math.inf else DIGITS
    if digits >= DIGITS:
        return pair(value, error)
    digits = max(digits, 0)
    return f"{value:.{digits}f} ± {error:.{digits}f}"


def table(found: Table) -> str:
    """Return a table; rows that failed are of the class ``failed``."""
    lines = ["<table><tr>" + "".join(f"<th>{words(name)}</th>" for name in found.columns) + "</tr>"]
    for i, row in enumerate(found.rows):
        cells = "".join(f"<td>{cell(value)}</td>" for value in row)
        lines.append(f"<tr class=failed>{cells}</tr>" if i in found.failed else f"<tr>{cells}</tr>")
    return "\n".join([*lines, "</table>"])


def folded(title: str, inside: Sequence[str]) -> str:
    """Return what is shown when its title is clicked."""
    return "\n".join([f"<details><summary>{words(title)}</summary>", *inside, "</details>"])


def cell(value: Cell) -> str:
    """Return what stands in a cell: numbers have five digits, NaN is shown as nothing."""
    if isinstance(value, str):
        return words(value)
    return "" if value is None or value != value else f"{value:.5g}"  # noqa: PLR0124 - NaN


def words(text: str) -> str:
    r"""Return text as HTML: the LaTeX between dollar signs as letters, indices and powers.

    Examples
    --------
    >>> words(r"$m_{Z'}$ < 3 GeV"), words(r"$\mu^+\mu^-$")
    ("<i>m<sub>Z'</sub></i> &lt; 3 GeV", '<i>&mu;<sup>+</sup>&mu;<sup>-</sup></i>')
    """
    return _MATH.sub(lambda found: f"<i>{_symbols(found[1])}</i>", escape(text, quote=False))


def _symbols(math: str) -> str:
    found = _SPACE.sub(" ", _FONT.sub("", math)).replace(r"\_", "&#95;")
    found = _COMMAND.sub(_sign, found)
    before = None
    while found != before:  # the innermost first
        before, found = found, _LEVEL.sub(_level, found)
    return found.replace("{", "").replace("}", "")


def _sign(found: re.Match[str]) -> str:
    name = _SIGNS.get(found[1], found[1])
    return f"&{name};" if f"{name};" in html5 else name


def _level(found: re.Match[str]) -> str:
    tag = "sub" if found[1] == "_" else "sup"
    return f"<{tag}>{found[2] if found[2] is not None else found[3]}</{tag}>"
