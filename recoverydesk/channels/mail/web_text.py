"""The text of a mail that came as HTML alone: nh3 takes the tags, quotes are marked with > as plain mails have them."""

import re
from html.parser import HTMLParser

import nh3

KEPT = {"br", "p", "div", "li", "tr", "blockquote", "h1", "h2", "h3"}
DROPPED = {"script", "style", "head", "title", "noscript", "template"}
ENDS_LINE = KEPT - {"blockquote"}


class _Lines(HTMLParser):
    """Lines of well-formed HTML: what nh3 wrote."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.lines, self.line, self.depth = list[str](), list[str](), 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.end_line()
        self.depth += tag == "blockquote"

    def handle_endtag(self, tag: str) -> None:
        self.end_line()
        self.depth = max(0, self.depth - (tag == "blockquote"))

    def handle_data(self, data: str) -> None:
        self.line.append(data)

    def end_line(self) -> None:
        text = re.sub(r"[ \t\xa0\n]+", " ", "".join(self.line)).strip()
        if text:
            self.lines.append(f"{'> ' * min(self.depth, 3)}{text}")
        self.line = []


def plain(page: str) -> str:
    """The text a reader of this page sees, a line for each paragraph."""
    lines = _Lines()
    lines.feed(nh3.clean(page, tags=KEPT, clean_content_tags=DROPPED, attributes={}, strip_comments=True))
    lines.close()
    lines.end_line()
    return "\n".join(lines.lines)
