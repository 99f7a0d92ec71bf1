"""The report in a headless Chromium that fetches nothing."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from planted_report import write_planted_report
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

# no connection but the page's own: none of the browser's services
QUIET = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)

NAMES = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if not found:
        if os.environ.get("DISENTANGLE_MUST_HAVE_CHROMIUM"):
            pytest.fail("there is no chromium")
        pytest.skip("NOT TESTED IN A BROWSER: there is no chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=list(QUIET))
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def report(tmp_path_factory: pytest.TempPathFactory, default_config) -> Path:
    path: Path = tmp_path_factory.mktemp("report") / "report.html"
    write_planted_report(path, default_config)
    return path


class Opened:
    """The report, opened; what the browser complained about, and what it asked for."""

    def __init__(self, context: BrowserContext, report: Path) -> None:
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.page: Page = context.new_page()
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(report.as_uri())


@pytest.fixture
def opened(browser: Browser, report: Path, request: pytest.FixtureRequest) -> Iterator[Opened]:
    """`@pytest.mark.parametrize("opened", [{...}], indirect=True)` sets the context's options."""
    options = getattr(request, "param", {})
    context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}} | options)
    yield Opened(context, report)
    context.close()
