"""How long a browser test waits on a slow, loaded machine, and what it says when it waited in vain."""

from playwright.sync_api import Browser, BrowserContext, Error, Page, expect

PATIENCE = 120_000  # milliseconds
MOST_TEXT = 3_000  # characters of one page

expect.set_options(timeout=PATIENCE)


def patient(context: BrowserContext) -> BrowserContext:
    """Let every action and page load of this browser window take its time."""
    context.set_default_timeout(PATIENCE)
    context.set_default_navigation_timeout(PATIENCE)
    return context


def what_is_shown(browser: Browser) -> str:
    """Address, heading and visible text of every open page."""
    return "\n\n".join(_seen(page) for context in browser.contexts for page in context.pages)


def _seen(page: Page) -> str:
    try:
        heading = " / ".join(page.locator("h1").all_inner_texts())
        text = page.locator("body").inner_text(timeout=5_000)
    except Error as error:
        heading, text = "?", f"the page cannot be read: {error}"
    lines = "\n".join(line for line in text.splitlines() if line.strip())
    return f"--- {page.url}\n--- {heading}\n{lines[:MOST_TEXT]}"
