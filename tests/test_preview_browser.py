"""The preview in a real browser: what it shows, keeps, runs and looks like."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import browser
import pytest
from commands import Handoff, caller
from preview_server import edit, served, started, write_repository

from handoff.preview.server import Server

REPOSITORY = Path(__file__).parent.parent
FOLDER = Path(__file__).parent / "fixtures/preview"
PLAN = "docs/09-handoff/plan.md"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with browser.opened() as found:
        yield found


@pytest.fixture
def page(chromium: Any) -> Iterator[Any]:
    """A page without errors in its console."""
    context = chromium.new_context(viewport={"width": 1000, "height": 800})
    found = context.new_page()
    found.set_default_timeout(30_000)
    errors: list[str] = []
    found.on("pageerror", lambda error: errors.append(str(error)))
    found.on("console", lambda line: errors.append(line.text) if line.type == "error" else None)
    yield found
    context.close()
    # a server that has stopped is no error of the page
    assert [each for each in errors if "ERR_" not in each] == []


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return write_repository(tmp_path / "repository")


@pytest.fixture
def server(repository: Path) -> Iterator[Server]:
    with served(repository) as found:
        yield found


@pytest.fixture
def handoff(
    repository: Path, capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> Handoff:
    monkeypatch.chdir(repository)
    return caller(capfdbinary)


# --- updates -------------------------------------------------------------------------------


def test_page_is_updated_without_a_reload(page: Any, server: Server, repository: Path) -> None:
    file = repository / "sessions/one.yaml"
    page.goto(server.url)
    page.evaluate("window.isTheSame = true")
    before = page.locator("mark").count()

    edit(file, "decisions:", "decisions: We **go** on")
    page.get_by_text("We go on").wait_for()
    assert page.locator("mark").count() == before - 1

    page.locator("button.blanks").click()
    assert page.locator("mark.at").count() == 1

    edit(file, "title: One", "titel: One")
    page.locator(".errors").wait_for()
    filter_ = "getComputedStyle(document.querySelector('main')).filter"
    assert page.evaluate(filter_) == "grayscale(1)"
    edit(file, "titel: One", "title: Two")
    page.locator("h1", has_text="Two").wait_for()

    assert page.locator(".errors").count() == 0
    assert page.evaluate(filter_) == "none"
    assert page.evaluate("window.isTheSame")


def test_page_shows_that_the_preview_has_stopped(page: Any, repository: Path) -> None:
    with started(repository) as (_, port):
        page.goto(f"http://localhost:{port}/")
        page.locator("main h1").wait_for()
        assert page.locator(".ended").is_hidden()
    page.locator(".ended").wait_for()

    edit(repository / "sessions/one.yaml", "title: One", "title: Two")
    with started(repository, "--port", str(port)):
        page.locator(".ended").wait_for(state="hidden")
        page.locator("h1", has_text="Two").wait_for()


def test_update_keeps_the_place_that_is_read(
    page: Any, server: Server, repository: Path
) -> None:
    file = repository / "sessions/one.yaml"
    items = "".join(f"\n    - Step {n}" for n in range(80))
    edit(file, "sections:\n", f"sections:\n  - title: Long\n    content:{items}\n")
    page.goto(server.url)
    step = page.locator("li", has_text="Step 60")
    step.evaluate("(each) => each.scrollIntoView({ block: 'center', behavior: 'instant' })")
    before = step.bounding_box()["y"]
    lines = "".join(f"\n  - Line {n}" for n in range(20))

    edit(file, "decisions:", f"decisions:{lines}")
    page.get_by_text("Line 19").wait_for()
    assert abs(step.bounding_box()["y"] - before) < 1

    edit(file, "\n    - Step 3\n", "\n    - Step 3\n    - Inserted\n")
    page.get_by_text("Inserted").wait_for()
    assert abs(step.bounding_box()["y"] - before) < 1


def test_more_than_six_tabs_are_updated(
    chromium: Any, server: Server, repository: Path
) -> None:
    context = chromium.new_context()
    tabs = [context.new_page() for _ in range(8)]
    for tab in tabs:
        tab.goto(server.url)

    edit(repository / "sessions/one.yaml", "title: One", "title: Two")

    for tab in tabs:
        tab.locator("h1", has_text="Two").wait_for()
    context.close()


def test_saved_query_shows_its_rows(page: Any, server: Server, repository: Path) -> None:
    page.goto(server.url)
    page.locator("main h1").wait_for()

    edit(repository / "sql/q/who.sql", "'a'", "'<b>new</b>'")

    page.locator(".rows td", has_text="<b>new</b>").wait_for()
    assert page.locator(".rows h2").inner_text().startswith("q/who.sql · duckdb")
    page.get_by_role("button", name="Close the rows of q/who.sql").click()
    assert page.locator(".rows section").count() == 0


# --- keyboard, values, copying -------------------------------------------------------------


def test_prompt_is_copied(page: Any, server: Server, handoff: Handoff) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=server.url)
    page.goto(server.url)
    page.locator(".prompt .copy").click()
    page.get_by_text("Copied").wait_for()

    assert page.evaluate("navigator.clipboard.readText()") == handoff("prompt", "one").out


def test_value_shows_where_it_comes_from_by_pointer_and_by_keyboard(
    page: Any, repository: Path, handoff: Handoff
) -> None:
    handoff("render", "one", "--as-of", "2026-01-03T10:00Z")
    with served(repository) as server:
        page.goto(server.url)
        tip = page.locator("#page-tip")
        page.locator(".value").hover()
        tip.wait_for()
        assert "2026-01-03 10:00 UTC" in tip.inner_text()
        page.keyboard.press("Escape")
        assert tip.is_hidden()

        page.mouse.move(0, 0)
        page.keyboard.press("v")
        page.keyboard.press("v")
        tip.wait_for()
        assert page.locator(".value").get_attribute("aria-describedby") == "page-tip"
        page.keyboard.press("Enter")
        address = page.evaluate("document.activeElement.href")

    assert address == f"vscode://file{repository}/sessions/one.yaml:9:27"


def test_keyboard_shortcuts_are_listed(page: Any, server: Server) -> None:
    page.goto(server.url)

    page.keyboard.press("?")
    assert page.get_by_role("dialog", name="Keyboard shortcuts").is_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("m")
    page.wait_for_url("**/sessions/one/prompts")
    page.keyboard.press("s")
    page.wait_for_url("**/sessions")
    page.keyboard.press("/")
    page.keyboard.type("nothing")

    assert page.locator(".count").inner_text() == "0 of 1"
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("one open")
    assert page.locator(".count").inner_text() == "1 of 1"


# --- what a document may not do ------------------------------------------------------------


def test_hostile_document_runs_and_loads_nothing(
    chromium: Any, server: Server, repository: Path
) -> None:
    page = chromium.new_page()
    (repository / PLAN).write_text((FOLDER / "hostile.md").read_text("utf-8"))
    svg = "<svg xmlns='http://www.w3.org/2000/svg'><script>parent.pwned = 1</script></svg>"
    (repository / "docs/09-handoff/own.svg").write_text(svg)
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))

    page.goto(f"{server.url}{PLAN}")
    page.locator("main .footnotes").wait_for()
    page.locator(".diagram img").wait_for()
    page.get_by_text("Mermaid: ").first.wait_for()

    assert page.evaluate("window.pwned === undefined")
    foreign = [each for each in requests if not each.startswith((server.url, "data:image/svg"))]
    assert foreign == []
    active = "main :is(script, svg, iframe, form, button, [onclick], [onerror], [style])"
    assert page.locator(active).count() == 0
    assert page.locator("main [href^='javascript'], main .value").count() == 0
    page.close()


def test_diagram_is_drawn_as_an_image(page: Any, server: Server, repository: Path) -> None:
    (repository / PLAN).write_text((FOLDER / "github.md").read_text("utf-8"))
    page.goto(f"{server.url}{PLAN}")
    images = page.locator(".diagram img")
    page.locator(".diagram img").nth(2).wait_for()

    sizes = images.evaluate_all("(all) => all.map((each) => each.naturalWidth)")
    assert min(sizes) > 100
    browser.picture(page, "markdown")


# --- accessibility and looks ---------------------------------------------------------------


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sample repository."""
    root = tmp_path_factory.mktemp("sample")
    for name in ("sessions", "sql", "templates", "docs/09-handoff"):
        shutil.copytree(REPOSITORY / name, root / name)
    shutil.copy(REPOSITORY / "handoff.yaml", root)
    (root / "docs/09-handoff/github.md").write_text((FOLDER / "github.md").read_text("utf-8"))
    return root


PHONE = {"width": 390, "height": 844}
ZOOMED = {"width": 320, "height": 256}  # 1280 × 1024 at 400 %
LOOKS: dict[str, tuple[str, dict[str, Any]]] = {
    "light": ("", {}),
    "dark": ("", {"color_scheme": "dark"}),
    "phone": ("", {"viewport": PHONE, "device_scale_factor": 2}),
    "zoom": ("", {"viewport": ZOOMED, "device_scale_factor": 4}),
    "index": ("sessions", {}),
    "index-dark": ("sessions", {"color_scheme": "dark"}),
    "prompts": ("sessions/session-2/prompts", {}),
    "github": ("docs/09-handoff/github.md", {}),
    "github-dark": ("docs/09-handoff/github.md", {"color_scheme": "dark"}),
}


@pytest.mark.parametrize("look", LOOKS)
def test_page_is_accessible(chromium: Any, sample: Path, look: str) -> None:
    path, options = LOOKS[look]
    context = chromium.new_context(**{"viewport": {"width": 1000, "height": 800}, **options})
    page = context.new_page()
    with served(sample, "session-1") as server:
        page.goto(f"{server.url}{path}")
        if look.startswith("github"):
            page.locator(".diagram img").nth(2).wait_for()
        browser.picture(page, look)

        assert browser.axe_violations(page) == []
        wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert page.evaluate(wide) == 0
        position = "getComputedStyle(document.querySelector('header')).position"
        assert page.evaluate(position) == ("static" if look in ("phone", "zoom") else "sticky")
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_error_and_value_are_accessible(
    chromium: Any, sample: Path, tmp_path: Path, scheme: str
) -> None:
    root = tmp_path / "sample"
    shutil.copytree(sample, root)
    context = chromium.new_context(viewport={"width": 1000, "height": 800}, color_scheme=scheme)
    page = context.new_page()
    with served(root, "session-1") as server:
        page.goto(server.url)
        value = page.locator(".value", has_text="27.3%")
        value.scroll_into_view_if_needed()
        value.hover()
        page.locator("#page-tip").wait_for()
        browser.picture(page, f"value-{scheme}")
        assert browser.axe_violations(page) == []
        page.keyboard.press("Escape")

        query = root / "sql/coverage/phase4.sql"
        query.write_text(query.read_text() + "\n-- saved\n")
        page.locator(".rows td").first.wait_for()
        browser.picture(page, f"rows-{scheme}")
        assert browser.axe_violations(page) == []
        page.locator(".rows button").first.click()

        edit(root / "sessions/session-1.yaml", "\ntitle:", "\ntitel:")
        page.locator(".errors").wait_for()
        page.evaluate("scrollTo({ top: 0, behavior: 'instant' })")
        browser.picture(page, f"error-{scheme}")
        assert browser.axe_violations(page) == []
    context.close()


def test_print_has_the_document_alone(page: Any, server: Server) -> None:
    page.goto(server.url)
    page.emulate_media(media="print")

    assert page.locator("header").is_hidden()
    assert page.locator(".prompt .copy").first.is_hidden()
    assert page.locator("h1").is_visible()


def test_motion_is_reduced(page: Any, server: Server) -> None:
    smooth = "getComputedStyle(document.documentElement).scrollBehavior"
    page.goto(server.url)
    assert page.evaluate(smooth) == "smooth"

    page.emulate_media(reduced_motion="reduce")
    assert page.evaluate(smooth) == "auto"
