"""What a release says about itself, as HTML that can do nothing on our pages but be read.

A program of its own (readme.py runs it): text and content type come as JSON on standard input, HTML leaves on standard
output. Whatever a text does to the libraries that read it, native code and its bugs included, ends with this process.

readme_renderer reads the formats; what it lets through is cut down once more: no image, class, form or id of the
author's, and links only to other sites or within the text.
"""

import json
import re
import resource
import sys
from html import escape, unescape

import nh3
from readme_renderer import markdown, rst

SECONDS, BYTES = 2, 2**29  # of processor time; of memory
MOST_HTML = 400_000
PREFIX = "user-content-"  # what readme_renderer puts before the ids it makes
TAGS = {
    "a", "abbr", "b", "blockquote", "br", "caption", "cite", "code", "dd", "del", "details", "div", "dl", "dt", "em",
    "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "kbd", "li", "ol", "p", "pre", "strong", "sub", "summary", "sup",
    "table", "tbody", "td", "th", "thead", "tr", "tt", "ul", "var",
}  # fmt: skip
ATTRIBUTES = {"a": {"href", "title"}, "td": {"colspan", "rowspan"}, "ol": {"start"}, "*": {"id"}}
_IMAGE = re.compile(r'<img(?: [\w-]+="[^"]*")*>')
_ALT = re.compile(r' alt="([^"]*)"')
_EMPTY_LINK = re.compile(r'<a(?: [\w-]+="[^"]*")*>\s*</a>')
_HEADING = re.compile(r"(</?h)([1-6])(?=[ >])")
_TARGET = re.compile(rf"https?://|mailto:|#{PREFIX}", re.IGNORECASE)


def render(text: str, content_type: str) -> str:
    """Return safe HTML; `content_type` is that of the core metadata, "" means reStructuredText.

    What cannot be rendered in its format is plain text.
    """
    html = _formatted(text, content_type.partition(";")[0].strip().lower())
    if html is None or len(html) > MOST_HTML:
        return plain(text)
    return _tamed(html)


def plain(text: str) -> str:
    """The text as it is."""
    return f"<pre>{escape(text)}</pre>"


def _formatted(text: str, kind: str) -> str | None:
    if kind == "text/markdown":
        return markdown.render(text)
    return rst.render(text) if kind in ("", "text/x-rst") else None


def _tamed(html: str) -> str:
    """An image becomes its words, a heading stands below those of the page."""
    worded = _IMAGE.sub(lambda image: _words(image.group()), html)
    cleaned = nh3.clean(
        worded,
        tags=TAGS,
        attributes=ATTRIBUTES,
        attribute_filter=_attribute,
        link_rel="nofollow noopener noreferrer",
        url_schemes={"http", "https", "mailto"},
    )
    return _HEADING.sub(lambda tag: f"{tag[1]}{min(6, int(tag[2]) + 2)}", _EMPTY_LINK.sub("", cleaned))


def _words(image: str) -> str:
    found = _ALT.search(image)
    return escape(unescape(found[1])) if found else ""


def _attribute(_tag: str, name: str, value: str) -> str | None:
    """Ids are the renderer's own; a link leads to another site, to a mailbox or to a place in the text."""
    if name == "id":
        return value if value.startswith(PREFIX) else None
    if name == "href":
        return value if _TARGET.match(value) else None
    return value


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (BYTES, BYTES))
    sys.stdout.write(json.dumps(render(*json.load(sys.stdin))))
