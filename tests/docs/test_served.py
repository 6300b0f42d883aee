"""The documentation on a running server."""

from __future__ import annotations

import re
import urllib.request
from html.parser import HTMLParser

import pytest
from playwright.async_api import Page, expect

from feed.server.http.docs import DOCS, search, slug
from tests.docs.tables import PAGES
from tests.end_to_end.conftest import Served, calm
from tests.end_to_end.test_clients import browser, page

__all__ = ["browser", "calm", "page"]


class Links(HTMLParser):
    """The targets and the anchors of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.targets: list[str] = []
        self.anchors: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ("href", "src") and value:
                self.targets.append(value)
            if name == "id" and value:
                self.anchors.add(value)


def get(served: Served, path: str) -> tuple[str, str]:
    """Content type and text of a page."""
    with urllib.request.urlopen(served.http + path, timeout=20) as answer:
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        return answer.headers["Content-Type"], answer.read().decode(errors="replace")


def test_every_link_on_every_page_works(calm: Served) -> None:
    """Those of the index, those between pages with their anchors, and pictures."""
    pages = {path: Links(get(calm, path)[1]) for path in ("/docs", *(f"/docs/{name}" for name in DOCS))}
    targets = {target for links in pages.values() for target in links.targets}
    assert {f"/docs/{name}" for name in DOCS} <= targets
    for path, links in pages.items():
        for target in links.targets:
            where, _, anchor = target.partition("#")
            if "://" in target or target.startswith("data:"):
                continue
            assert not where.endswith(".md"), target
            if where and where not in pages:
                get(calm, where)
            if anchor:
                assert anchor in pages[where or path].anchors, target


@pytest.mark.parametrize("name", DOCS)
def test_a_page_and_its_source(calm: Served, name: str) -> None:
    """The HTML has all headings, and no mark of Markdown is left; the source is the file."""
    kind, text = get(calm, f"/docs/{name}")
    assert kind.startswith("text/html")
    assert "<!-- table" not in text
    assert "&lt;!--" not in text
    assert "<script" not in text
    assert re.search(r"<h1[^>]*>", text)
    kind, source = get(calm, f"/docs/{name}.md")
    assert kind.startswith("text/markdown")
    assert source == (PAGES / f"{name}.md").read_text()
    assert text.count("<table>") == source.count("\n| --- |") + len(re.findall(r"^\|---", source, re.MULTILINE))


def test_search(calm: Served) -> None:
    """All words have to be in a section; the found one is linked, and what was asked for is no markup."""
    _, text = get(calm, "/docs?q=late%20messages%20share")
    assert "/docs/wire#slow-readers-and-max_rate" in text
    assert "<mark>" in text
    _, text = get(calm, "/docs?q=%3Cscript%3Ealert(1)%3C/script%3E")
    assert "<script" not in text
    assert "Nothing has" in text


def test_what_is_in_a_heading_comes_first() -> None:
    """Whoever looks for a thing finds where it is explained before where it is mentioned."""
    assert search("checksum")[0].heading == "Checksum of a book"
    assert search("zebra") == []
    assert search("  ") == []


@pytest.mark.parametrize(
    ("heading", "anchor"),
    [("Slow readers and max_rate", "slow-readers-and-max_rate"), ("`[[phases]]`", "phases"), ("A, b & c", "a-b--c")],
)
def test_anchors_are_those_of_code_hosts(heading: str, anchor: str) -> None:
    """A link works there and here."""
    assert slug(heading) == anchor


def test_an_unknown_page_is_not_found(calm: Served) -> None:
    """No path leads out of the folder."""
    for path in ("/docs/wires", "/docs/../version.py", "/docs/%2e%2e/version.py", "/docs/running.png"):
        with pytest.raises(urllib.error.HTTPError) as refused:
            get(calm, path)
        assert refused.value.code == 404
        refused.value.close()


@pytest.mark.browser
@pytest.mark.parametrize("width", [360, 1100])
async def test_pages_in_chromium(page: Page, calm: Served, width: int) -> None:
    """From the front page by links and by a search, without a complaint, and no page is wider than the window."""
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    await page.set_viewport_size({"width": width, "height": 800})
    await page.goto(calm.http)
    await page.get_by_role("link", name="documentation").click()
    await expect(page.locator("main li")).to_have_count(len(DOCS))
    for name in DOCS:
        await page.goto(f"{calm.http}/docs/{name}")
        assert await page.evaluate("document.documentElement.scrollWidth") <= width, name
    await page.get_by_role("searchbox").fill("checksum of a book")
    await page.get_by_role("searchbox").press("Enter")
    await page.locator("main li a").first.click()
    await expect(page).to_have_url(f"{calm.http}/docs/wire#checksum-of-a-book")
    await expect(page.locator("#checksum-of-a-book")).to_be_in_viewport()
    assert complaints == []
