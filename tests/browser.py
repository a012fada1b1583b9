"""A page as a browser has it once its scripts have run."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")


def load_page(file: Path) -> str:
    """The document of a page in Chromium; the test is skipped if that is not installed."""
    browser = next(filter(None, map(shutil.which, NAMES)), None)
    if browser is None:
        pytest.skip("needs chromium, which is not installed")
    options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--dump-dom"]
    profile = f"--user-data-dir={file.parent / 'profile'}"
    words = [browser, *options, profile, file.as_uri()]
    return subprocess.run(words, check=True, capture_output=True, text=True, timeout=120).stdout
