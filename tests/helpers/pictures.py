"""Pictures for the tour: written only when SCREENSHOTS is set, as no test should change files of the tree."""

import os

from playwright.sync_api import Page

from tests.helpers.files import ROOT

IMAGES = ROOT / "docs" / "images"


def shoot(page: Page, name: str, scheme: str = "light", width: int = 1280) -> None:
    """With SCREENSHOTS=1, keep the wide light page for the tour, the others where SCREENSHOTS names a folder."""
    folder = os.environ.get("SCREENSHOTS", "")
    if folder and (scheme, width) == ("light", 1280):
        page.screenshot(path=IMAGES / f"{name}.png", full_page=True)
    elif len(folder) > 1:
        page.screenshot(path=f"{folder}/{name}-{scheme}-{width}.png", full_page=True)
