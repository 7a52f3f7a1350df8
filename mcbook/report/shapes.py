"""A report on signal shapes: one HTML page that holds its figures."""

from collections.abc import Mapping, Sequence
from html import escape

from mcbook.report.pages import pair, picture
from mcbook.selection.fitted import ShapeFit

OPENING = "<!doctype html><meta charset=utf-8><title>Signal shapes of "
"""How the page begins."""

_STYLE = (
    "body{font-family:sans-serif;margin:2em;max-width:75em}table{border-collapse:collapse}"
    "td,th{padding:.2em .7em;text-align:right;border-bottom:1px solid #ccc}"
    "td:first-child,th:first-child,td:last-child,th:last-child{text-align:left}"
    ".failed{background:#f6d5d5}.poor{background:#f8ecc9}img{max-width:100%}"
    ".shapes img{width:32em}"
)


def shapes_html(
    name: str,
    labels: Sequence[str],
    fits: Sequence[ShapeFit],
    overview: bytes | None,
    pictures: Mapping[str, bytes],
) -> str:
    """Return the page: what was found for each sample, and the pulls of each fit.

    Parameters
    ----------
    name
        Of the selection.
    labels, fits
        Samples in words, and their fits.
    overview
        A PNG of the widths; None without one.
    pictures
        PNGs of fits, by label.
    """
    bad = sum(fit.status != "ok" for fit in fits)
    said = f"{len(fits)} samples, {bad} with a fit that is not ok" if bad else "all fits are ok"
    top = f"{OPENING}{escape(name)}</title><style>{_STYLE}</style>"
    body = [f"{top}<h1>Signal shapes of {escape(name)}</h1><p>{said}.</p>"]
    if overview is not None:
        body.append(f"<p>{picture(overview, 'widths')}</p>")
    columns = ("sample", "mean", "sigma_W", "sigma_68", "chi2 / ndf", "p", "status", "remarks")
    body.append("<table><tr>" + "".join(f"<th>{name}</th>" for name in columns) + "</tr>")
    body += [_row(label, fit) for label, fit in zip(labels, fits, strict=True)]
    body.append("</table><div class=shapes>")
    body += [picture(png, label) for label, png in pictures.items()]
    return "\n".join([*body, "</div>", ""])


def _row(label: str, fit: ShapeFit) -> str:
    goodness, known = fit.goodness, fit.quantiles
    cells = [
        label,
        pair(fit.values.get("mean"), fit.errors.get("mean")),
        pair(fit.values.get("sigma_w"), fit.errors.get("sigma_w")),
        pair(known.sigma_68, known.sigma_68_error) if known is not None else "",
        f"{goodness.chi2:.1f} / {goodness.ndf}" if goodness is not None else "",
        f"{goodness.p:.3g}" if goodness is not None else "",
        fit.status,
        "; ".join(filter(None, (fit.reason, *fit.notes))),
    ]
    inside = "".join(f"<td>{escape(cell)}</td>" for cell in cells)
    return f'<tr class="{fit.status}">{inside}</tr>'
