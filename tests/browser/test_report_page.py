"""What a reader does with the report: hover, select, fold, filter, print, read in the dark."""

import re

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from planted_report import suite
from playwright.sync_api import Page
from scipy.stats import spearmanr

SCATTER = '[data-view="scatter"]'
DOTS = f"#explore {SCATTER} circle"
WIDTHS = (1440, 1024, 390)
LOOKS = [
    {"viewport": {"width": width, "height": 900}, "color_scheme": scheme}
    for width in WIDTHS
    for scheme in ("light", "dark")
]


def of_opened(options):
    def name(one):
        return "-".join(str(value) for value in (one["viewport"]["width"], one["color_scheme"]))

    return pytest.mark.parametrize("opened", options, indirect=True, ids=name)


def number_shown(page: Page) -> float:
    return float(re.findall(r"ρ = ([+-][\d.]+)", page.locator("#explore .found").inner_text())[0])


def selected(page: Page) -> list[str]:
    return page.locator(f"{DOTS}[aria-pressed=true]").evaluate_all(
        "dots => dots.map((dot) => dot.getAttribute('aria-label'))"
    )


def test_a_dot_that_is_pointed_at_names_its_run_and_choices(opened) -> None:
    page = opened.page
    assert page.locator(DOTS).count() == 36
    dot = page.locator(f'{DOTS}[aria-label^="4M-b128-wd0.5"]')
    dot.hover()
    about = page.locator("#explore .about").inner_text()
    assert about.startswith("4M-b128-wd0.5")
    assert "batch size 128" in about and "weight decay 0.5" in about and "step 1000" in about
    for view in ("outcome", "metric"):
        assert page.locator(f'[data-view="{view}"] path.run.pointed').count() == 1
    assert opened.complaints == []
    assert [url for url in opened.requests if not url.startswith("file:")] == []


def test_a_hostile_name_is_shown_and_nothing_else(opened) -> None:
    opened.page.locator(f'{DOTS}[aria-label^="</script>"]').hover()
    assert opened.page.locator("#explore .about b").inner_text() == "</script><img src=x>"
    assert opened.page.locator("img").count() == 0


def test_a_run_selected_in_one_figure_is_selected_in_all(opened) -> None:
    page = opened.page
    page.locator(f'{DOTS}[aria-label^="2M-b64-wd0.1:"]').click()
    page.mouse.move(0, 0)
    assert [name.partition(":")[0] for name in selected(page)] == ["2M-b64-wd0.1"]
    for view in ("outcome", "metric"):
        assert page.locator(f'[data-view="{view}"] path.run.chosen').count() == 1
        assert page.locator(f'[data-view="{view}"] path.run.faint').count() == 35
    page.get_by_role("button", name="Clear selection").click()
    assert selected(page) == []
    assert page.locator(".faint").count() == 0


def test_a_rectangle_selects_the_runs_in_it(opened) -> None:
    page = opened.page
    page.locator("#explore").scroll_into_view_if_needed()
    box = page.locator(f"{SCATTER} .brush .overlay").bounding_box()
    page.mouse.move(box["x"] + 2, box["y"] + 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 2, box["y"] + box["height"] - 2, steps=4)
    page.mouse.up()
    inside = page.locator(DOTS).evaluate_all(
        """(dots, [left, top, right, bottom]) => dots.filter((dot) => {
          const { x, y, width, height } = dot.getBoundingClientRect();
          const [cx, cy] = [x + width / 2, y + height / 2];
          return left < cx && cx < right && top < cy && cy < bottom;
        }).map((dot) => dot.getAttribute("aria-label"))""",
        [box["x"] + 2, box["y"] + 2, box["x"] + box["width"] - 2, box["y"] + box["height"] - 2],
    )
    assert 20 < len(inside) < 36, "some are on the edge"
    assert sorted(selected(page)) == sorted(inside)
    assert "selected: ρ = " in page.locator("#explore .found").inner_text()


def test_a_colour_of_the_legend_selects_its_runs(opened) -> None:
    page = opened.page
    page.locator("#explore select[name=colour]").select_option("batch_size")
    page.locator("#explore .legend button", has_text="64").click()
    assert len(selected(page)) == 9
    assert all("-b64-" in name for name in selected(page))


def test_the_correlation_is_scipys_at_every_stage_of_training(opened) -> None:
    page, table = opened.page, suite()
    slider = page.locator("#explore input[name=when]")
    for place, step in enumerate((10, 100, 1000)):
        slider.fill(str(place))
        for metric in ("W_effective_rank_pct", "H_stable_rank"):
            page.locator("#explore select[name=metric]").select_option(metric)
            rows = table[table["step"] == step]
            expected = spearmanr(rows[metric], rows["id_bits_per_byte"]).statistic
            assert number_shown(page) == pytest.approx(expected, abs=0.006)
    assert "at the end" in page.locator("#explore output").inner_text()


def test_within_a_colour_the_correlation_is_the_mean_over_its_groups(opened) -> None:
    page = opened.page
    page.locator("#explore select[name=colour]").select_option("batch_size")
    last = suite().query("step == 1000")
    pairs = last.groupby("batch_size")[["W_effective_rank_pct", "id_bits_per_byte"]]
    expected = np.mean([spearmanr(*rows.to_numpy().T).statistic for _, rows in pairs])
    said = page.locator("#explore .found").inner_text()
    found = float(re.findall(r"within one colour ([+-][\d.]+) on average \(4 groups\)", said)[0])
    assert found == pytest.approx(expected, abs=0.006)


def test_the_keyboard_does_what_the_pointer_does(opened) -> None:
    page = opened.page
    dots = page.locator(f"{DOTS}[tabindex='0']")
    assert dots.count() == 1, "one stop for Tab"
    dots.focus()
    first = page.locator("#explore .about b").inner_text()
    page.keyboard.press("ArrowRight")
    second = page.locator("#explore .about b").inner_text()
    assert first and second and first != second
    page.keyboard.press("Enter")
    assert [name.partition(":")[0] for name in selected(page)] == [second]
    page.keyboard.press("ArrowLeft")
    page.keyboard.press(" ")
    assert len(selected(page)) == 2
    page.keyboard.press(" ")
    assert len(selected(page)) == 1, "a second time takes it out again"
    page.keyboard.press("Escape")
    assert selected(page) == []


def test_a_link_opens_the_section_it_leads_to(opened) -> None:
    page = opened.page
    section = page.locator("#costs")
    assert section.get_attribute("open") is None
    page.locator('nav a[href="#costs"]').click()
    assert section.get_attribute("open") is not None
    page.locator("a.term").first.click()
    assert page.locator("#glossary").get_attribute("open") is not None


def test_a_long_table_is_filtered_and_sorted(opened) -> None:
    page = opened.page
    page.evaluate("for (const part of document.querySelectorAll('details')) part.open = true")
    table = page.locator("#claims table").nth(1)
    rows = table.locator("tbody tr:visible")
    before = rows.count()
    box = page.locator("#claims").get_by_role("searchbox").first
    box.fill("holds")
    assert 0 < rows.count() < before
    box.fill("")
    assert rows.count() == before
    heads = table.locator("thead th")
    column = [heads.nth(i).inner_text() for i in range(heads.count())].index("n ↕")
    shown = lambda: [  # noqa: E731
        int(rows.nth(i).locator("td").nth(column).inner_text()) for i in range(before)
    ]
    heads.nth(column).get_by_role("button").click()
    assert shown() == sorted(shown())
    heads.nth(column).get_by_role("button").click()
    assert shown() == sorted(shown(), reverse=True)


@of_opened(LOOKS)
def test_the_page_is_readable_at_every_width_in_light_and_dark(opened) -> None:
    page = opened.page
    wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    assert wide <= 0, "the page itself never scrolls sideways"
    page.evaluate("for (const part of document.querySelectorAll('details')) part.open = true")
    rules = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa"]}}
    found = Axe().run(page, options=rules).response["violations"]
    told = [(one["id"], node["html"][:120]) for one in found for node in one["nodes"][:3]]
    assert told == []


def test_in_dark_the_paper_is_dark(browser, report) -> None:
    shades = []
    for scheme in ("light", "dark"):
        page = browser.new_page(color_scheme=scheme)
        page.goto(report.as_uri())
        colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
        shades.append(sum(int(part) for part in re.findall(r"\d+", colour)[:3]))
        page.close()
    assert shades[0] > 700 and shades[1] < 150


def test_paper_has_everything_that_is_folded(opened) -> None:
    page = opened.page
    page.emulate_media(media="print")
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert page.locator("#costs table").is_visible()
    assert not page.locator("#explore").is_visible()
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert page.locator("#costs").get_attribute("open") is None


@pytest.mark.parametrize("opened", [{"java_script_enabled": False}], indirect=True)
def test_without_scripts_the_pictures_are_there(opened) -> None:
    page = opened.page
    assert not page.locator("#explore").is_visible()
    page.locator("#rank > summary").click()
    assert page.locator("#rank svg").is_visible()
    assert page.locator(".front svg").is_visible()
    assert "The answer" in page.inner_text("body")


def test_the_first_screen_has_the_answer_and_its_figure(opened) -> None:
    page = opened.page
    for part in ("#answer", ".answer >> nth=1", ".front svg"):
        box = page.locator(part).bounding_box()
        assert box["y"] + box["height"] <= 900, part
