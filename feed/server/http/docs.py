"""`GET /docs`: the project's documentation, as pages, as Markdown, and searched."""

from __future__ import annotations

import asyncio
import html
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from importlib.resources import files
from typing import Any

from feed.server.http.routes import Endpoint, Page
from feed.version import __version__

__all__ = ["DOCS", "DocsPages", "Section", "search", "sections_of", "slug", "source_of"]

DOCS = (
    "cli",
    "browser",
    "scenarios",
    "markets",
    "faults",
    "testing",
    "wire",
    "dialects",
    "recordings",
    "python",
    "benchmarks",
    "architecture",
)
"""The pages in the order of the index; each is `feed/docs/NAME.md`."""

PICTURES = {"running.svg": "image/svg+xml", "page.png": "image/png"}

MAX_QUERY = 200
"""Characters of a search that are looked at."""

MAX_HITS = 50

EXCERPT_CHARACTERS = 80
"""Characters of an excerpt on each side of the first word that was found."""

# Comments at the start of lines, for editors of the pages only: a browser would show them as text.
_COMMENT = re.compile(r"^<!--.*?-->\n?", re.MULTILINE)
_HEADING = re.compile(r"^(#{1,6}) +(.+?) *$")
_LINK_TO_PAGE = re.compile(r"([a-z]+)\.md(#[\w-]+)?")


@dataclass(frozen=True, slots=True)
class Section:
    """A heading of a page and the text below it, up to the next heading."""

    page: str
    heading: str
    anchor: str
    text: str

    @property
    def address(self) -> str:
        """The URL path with anchor at which it is served."""
        return f"/docs/{self.page}#{self.anchor}"


def source_of(name: str) -> str:
    """Return the Markdown of a page."""
    return (files("feed") / "docs" / f"{name}.md").read_text(encoding="utf-8")


def slug(heading: str) -> str:
    """The anchor of a heading, as code hosts make it."""
    kept = re.sub(r"[^\w\- ]", "", heading.replace("`", "").strip().lower())
    return kept.replace(" ", "-")


def sections_of(name: str) -> Iterator[Section]:
    """A page in its sections; a `#` in a block of code opens none."""
    heading, lines, is_code = name, list[str](), False
    for line in _COMMENT.sub("", source_of(name)).splitlines():
        is_code ^= line.startswith("```")
        found = None if is_code else _HEADING.match(line)
        if found is None:
            lines.append(line)
            continue
        if "".join(lines).strip():
            yield Section(name, heading, slug(heading), "\n".join(lines).strip())
        heading, lines = found[2].replace("`", ""), []
    yield Section(name, heading, slug(heading), "\n".join(lines).strip())


def search(query: str) -> list[Section]:
    """The sections that have every word of a query; those with most of them in the heading come first."""
    words = query[:MAX_QUERY].casefold().split()
    if not words:
        return []
    hits = [section for section in _all_sections() if _has_all(words, f"{section.heading} {section.text}")]
    hits.sort(key=lambda section: -sum(word in section.heading.casefold() for word in words))
    return hits[:MAX_HITS]


@cache
def _all_sections() -> tuple[Section, ...]:
    return tuple(section for name in DOCS for section in sections_of(name))


def _has_all(words: Sequence[str], text: str) -> bool:
    folded = text.casefold()
    return all(word in folded for word in words)


class DocsPages:
    """The documentation by HTTP. A page is made when it is first asked for, beside the event loop."""

    def by_path(self) -> dict[str, Endpoint]:
        """Return every path with its endpoint."""
        paths: dict[str, Endpoint] = {"/docs": self.index}
        for name in DOCS:
            paths[f"/docs/{name}"] = partial(self.page, name)
            paths[f"/docs/{name}.md"] = partial(self.source, name)
        for name, kind in PICTURES.items():
            paths[f"/docs/{name}"] = partial(self.picture, name, kind)
        return paths

    async def index(self, query: Mapping[str, str]) -> Page:
        """The list of pages, or what a search `?q=` finds in them."""
        return await asyncio.to_thread(_index, query.get("q", "")[:MAX_QUERY].strip())

    async def page(self, name: str) -> Page:
        """A page as HTML."""
        return await asyncio.to_thread(_rendered, name)

    def source(self, name: str) -> Page:
        """A page as Markdown."""
        return Page(source_of(name).encode(), "text/markdown; charset=utf-8")

    def picture(self, name: str, kind: str) -> Page:
        """A picture on a page."""
        return Page((files("feed") / "docs" / name).read_bytes(), kind)


def _index(query: str) -> Page:
    rows = _hits(query) if query else [_entry(next(sections_of(name))) for name in DOCS]
    listing = f"<ul>{''.join(rows)}</ul>" if rows else f"<p>Nothing has “{html.escape(query)}” in it.</p>"
    title = f"“{query}”" if query else "Documentation"
    return _page(title, f"<h1>{html.escape(title)}</h1>{listing}", query=query)


def _entry(first: Section) -> str:
    summary = " ".join(first.text.split("\n\n")[0].split())
    return f'<li><a href="/docs/{first.page}">{html.escape(first.heading)}</a><br>{_inline(summary)}</li>'


def _hits(query: str) -> list[str]:
    words = query.casefold().split()
    titles = {name: next(sections_of(name)).heading for name in DOCS}
    return [
        f'<li><a href="{section.address}">{html.escape(titles[section.page])} › {html.escape(section.heading)}</a>'
        f"<br>{_excerpt(section.text, words)}</li>"
        for section in search(query)
    ]


def _excerpt(text: str, words: Sequence[str]) -> str:
    plain = " ".join(re.sub(r"[`*|]|-{3,}", " ", text).split())
    found = re.search("|".join(map(re.escape, words)), plain, re.IGNORECASE)
    middle = found.start() if found else 0
    begin, end = max(0, middle - EXCERPT_CHARACTERS), middle + EXCERPT_CHARACTERS
    cut = ("…" if begin else "") + plain[begin:end] + ("…" if end < len(plain) else "")
    parts = re.split(f"({'|'.join(map(re.escape, words))})", cut, flags=re.IGNORECASE)
    return "".join(f"<mark>{html.escape(part)}</mark>" if i % 2 else html.escape(part) for i, part in enumerate(parts))


@cache
def _rendered(name: str) -> Page:
    parser = _parser()
    tokens = parser.parse(_COMMENT.sub("", source_of(name)))
    contents = []
    for opening, inline in itertools.pairwise(tokens):
        if opening.type == "heading_open":
            anchor = slug(inline.content)
            opening.attrSet("id", anchor)
            if opening.tag == "h2":
                contents.append(f'<a href="#{anchor}">{_inline(inline.content)}</a>')
        for child in inline.children or ():
            _point(child)
    body = parser.renderer.render(tokens, parser.options, {})
    # The one tag that pages have, between the lines of a cell.
    body = body.replace("&lt;br&gt;", "<br>")
    body = body.replace("<table>", '<div class="wide"><table>').replace("</table>", "</table></div>")
    title = next(sections_of(name)).heading
    within = f'<p class="within">{" · ".join(contents)}</p>' if len(contents) > 1 else ""
    return _page(title, body.replace("</h1>", f"</h1>{within}", 1), name=name)


def _point(token: Any) -> None:
    """Point a link between files at the page that is served for it."""
    key = {"link_open": "href", "image": "src"}.get(token.type)
    if key is None:
        return
    target = str(token.attrGet(key))
    page = _LINK_TO_PAGE.fullmatch(target)
    if page is not None and page[1] in DOCS:
        token.attrSet(key, f"/docs/{page[1]}{page[2] or ''}")
    elif target in PICTURES:
        token.attrSet(key, f"/docs/{target}")


@cache
def _parser() -> Any:
    # Nobody who only serves a market pays for it.
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark", {"html": False}).enable("table")


def _inline(text: str) -> str:
    return str(_parser().renderInline(text))


def _page(title: str, body: str, *, name: str = "", query: str = "") -> Page:
    links = "".join(f'<a href="/docs/{each}"{" aria-current=page" if each == name else ""}>{each}</a>' for each in DOCS)
    document = _TEMPLATE.format(
        title=html.escape(title), body=body, links=links, query=html.escape(query, quote=True), version=__version__
    )
    return Page(document.encode(), "text/html; charset=utf-8")


_TEMPLATE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} · feed</title>
<link rel="icon" href="data:,">
<style>
:root {{ color-scheme: light dark; --line: #8884; --dim: #767676; --link: #0a58ca; }}
@media (prefers-color-scheme: dark) {{ :root {{ --dim: #9a9a9a; --link: #7db3ff; }} }}
body {{ font: 16px/1.55 system-ui, sans-serif; max-width: 56rem; margin: 0 auto; padding: 0 1rem 4rem; }}
header {{ display: flex; flex-wrap: wrap; gap: .25rem 1rem; align-items: center; padding: .75rem 0;
  border-bottom: 1px solid var(--line); }}
nav {{ display: flex; flex-wrap: wrap; gap: .1rem .9rem; flex: 1 1 20rem; }}
nav a[aria-current] {{ color: inherit; font-weight: 600; }}
input {{ font: inherit; padding: .2rem .5rem; width: 9rem; max-width: 100%; }}
a {{ color: var(--link); text-decoration: none; overflow-wrap: anywhere; }}
a:hover {{ text-decoration: underline; }}
h1 {{ font-size: 1.7rem; margin: 1.5rem 0 .5rem; }}
h2 {{ font-size: 1.3rem; margin: 2.2rem 0 .5rem; padding-top: .4rem; border-top: 1px solid var(--line); }}
h3 {{ font-size: 1.05rem; margin: 1.6rem 0 .4rem; }}
h1, h2, h3 {{ line-height: 1.25; scroll-margin-top: .5rem; overflow-wrap: anywhere; }}
.within {{ color: var(--dim); font-size: .9rem; }}
.wide {{ overflow-x: auto; margin: 1rem 0; }}
table {{ border-collapse: collapse; font-size: .92rem; }}
th, td {{ text-align: left; vertical-align: top; padding: .35rem .9rem .35rem 0;
  border-bottom: 1px solid var(--line); }}
th {{ font-weight: 500; color: var(--dim); }}
td:first-child code, pre code {{ overflow-wrap: normal; }}
td:first-child code {{ white-space: nowrap; }}
code {{ font: .875em ui-monospace, monospace; overflow-wrap: anywhere; background: #8882; padding: .1em .3em;
  border-radius: 4px; }}
pre {{ background: #8881; padding: .9rem; overflow-x: auto; border-radius: 6px; line-height: 1.4; }}
pre code {{ background: none; padding: 0; }}
img {{ max-width: 100%; height: auto; }}
li {{ margin: .35rem 0; }}
footer {{ margin-top: 3rem; color: var(--dim); font-size: .9rem; }}
</style>
</head>
<body>
<header>
<a href="/docs"><strong>feed docs</strong></a>
<nav>{links}</nav>
<form action="/docs" role="search"><input type="search" name="q" value="{query}" placeholder="Search"
 aria-label="Search the documentation"></form>
</header>
<main>
{body}
</main>
<footer>feed {version} · <a href="/">this server</a> · every page is Markdown, too: add <code>.md</code> to its
address</footer>
</body>
</html>
"""
