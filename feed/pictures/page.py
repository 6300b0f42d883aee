"""Facts as one self-contained HTML page."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from feed.realism.scoreboard import Fact

__all__ = ["facts_page", "verdict"]

STYLE = """body{font:15px/1.4 system-ui,sans-serif;margin:2em auto;max-width:1200px;padding:0 1em;color:#222}
svg{width:100%;height:auto}table{border-collapse:collapse}td,th{padding:.2em .9em;text-align:left}
td.n{text-align:right;font-variant-numeric:tabular-nums}tr{border-bottom:1px solid #ddd}
.pass{color:#2a7f4f}.fail{color:#c0392b;font-weight:bold}"""


def verdict(fact: Fact) -> str:
    """Return `pass`, `fail`, or an empty text without a band."""
    return "" if fact.passed is None else "pass" if fact.passed else "fail"


def facts_page(title: str, summary: str, facts: Sequence[Fact], missing: Sequence[str], picture: str) -> str:
    """Return the page.

    Args:
        title: the name of the market.
        summary: the number of facts that pass, as a sentence.
        facts: the rows of the table.
        missing: facts that cannot be computed and the reason, one line each.
        picture: an `<svg>` element.
    """
    rows = "\n".join(_row(fact) for fact in facts)
    notes = "".join(f"<li>{escape(line)}</li>" for line in missing)
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title><style>{STYLE}</style></head><body>
<h1>{escape(title)}</h1>
<p>{escape(summary)}</p>
{f"<ul>{notes}</ul>" if notes else ""}
{picture}
<table><thead><tr><th>group</th><th>fact</th><th>value</th><th>band</th><th>real median</th><th></th></tr></thead>
<tbody>
{rows}
</tbody></table></body></html>
"""


def _row(fact: Fact) -> str:
    band = "" if fact.band is None else f"{fact.band.low:.4g} … {fact.band.high:.4g}"
    median = "" if fact.band is None else f"{fact.band.median:.4g}"
    told = verdict(fact)
    return (
        f'<tr><td>{fact.group}</td><td>{fact.name}</td><td class="n">{fact.value:.4g}</td><td class="n">{band}</td>'
        f'<td class="n">{median}</td><td class="{told}">{told}</td></tr>'
    )
