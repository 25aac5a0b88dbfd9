"""The decision between the ways of changing a table is published as it is taken."""

from __future__ import annotations

from tools.docs import ways_page


def test_page() -> None:
    """The documentation has every case, with its reason."""
    assert ways_page.PAGE.read_text(encoding="utf-8") == ways_page.render()
