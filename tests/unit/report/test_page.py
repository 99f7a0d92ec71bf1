"""The page as a whole: what stands first, what is folded, and that nothing in it can break out."""

import hashlib
import json
import re
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path

import pandas as pd
import pytest
from planted_report import write_planted_report

from disentangle.report import explorer
from disentangle.report.explorer import as_script, explorer_data
from disentangle.report.glossary import TERMS, glossary, link_to_term, slug


@pytest.fixture(scope="module")
def written(tmp_path_factory, default_config) -> tuple[str, pd.DataFrame]:
    path: Path = tmp_path_factory.mktemp("page") / "report.html"
    observations = write_planted_report(path, default_config)
    return path.read_text(encoding="utf-8"), observations


@pytest.fixture(scope="module")
def page(written) -> str:
    return written[0]


def body_of(page: str) -> str:
    return re.sub(r"<(script|style)\b.*?</\1>", "", page, flags=re.S)


def test_the_answer_stands_before_everything_else(page) -> None:
    body = body_of(page)
    order = [body.index(f'id="{name}"') for name in ("answer", "claims", "explore", "metrics")]
    assert order == sorted(order)
    assert order[-1] < body.index('<details class="section"'), "the rest is folded"
    first = re.sub(r"<[^>]+>", "", body[: body.index("<nav")])
    assert "Models whose W has a higher effective rank have higher loss (raw ρ = +0." in first
    assert "1 says more than the training choices do (H: stable rank)" in first
    assert "lower is better. Held-out text: id. Raw is as seen" in first
    assert "degrees of freedom" in first and "Missing: nothing." in first


def test_every_metric_has_a_verdict(page) -> None:
    section = page[page.index('<section id="metrics">') :]
    rows = re.findall(
        r"<td class=\"text\">([^<]*)</td><td class=\"text\"><span[^>]*>([^<]*)", section
    )
    assert dict(rows)["H: stable rank"] == "beyond training"
    assert rows[0][0] == "H: stable rank", "what says most comes first"
    assert {"W: effective rank, % of d", "H: stable rank"} <= {name for name, _ in rows}


def test_long_tables_are_folded(page) -> None:
    body = body_of(page)
    for table in re.finditer(r"<table.*?</table>", body, flags=re.S):
        before = body[: table.start()]
        inside = before.count("<details") > before.count("</details>")
        long = table[0].count("<tr>") > 13 and 'class="ledger"' not in table[0]
        assert inside or not long, table[0][:200]


def test_each_term_that_is_linked_is_explained(page) -> None:
    linked = set(re.findall(r'href="#(term-[^"]+)"', page))
    explained = set(re.findall(r'<dt id="(term-[^"]+)"', page))
    assert linked and linked <= explained
    assert {f"term-{slug(name)}" for name in ("W", "H", "ρ", "ΔR²")} <= linked


def test_a_table_of_others_is_not_given_texts_of_ours(page, default_config) -> None:
    entry = page[page.index('<dt id="term-id">') :].partition("</dd>")[0]
    assert entry.endswith("Held-out text: text like the training text.")
    for domain in filter(None, default_config["corpus"]["heldout"].values()):
        assert domain["source"] not in page


def test_terms_have_places_of_their_own() -> None:
    names = [slug(name) for name in glossary({"id": "a", "ood": "b", "code": "c"})]
    assert len(set(names)) == len(names)
    assert 'title="The model' in link_to_term(TERMS, "d")
    assert 'href="#term-loss"' in link_to_term(TERMS, "Loss")
    with pytest.raises(KeyError):
        link_to_term(TERMS, "nonsense")
    assert set(TERMS) <= set(glossary({}))


class Tags(HTMLParser):
    """Elements that a hostile name would have opened."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "img":
            self.found.append(tag)


def test_a_runs_name_cannot_end_a_script(page) -> None:
    tags = Tags()
    tags.feed(page)
    assert tags.found == []
    (data,) = re.findall(r'id="explorer-data">(.*?)</script>', page, flags=re.S)
    names = [run["name"] for run in json.loads(data)["runs"]]
    assert "</script><img src=x>" in names
    assert json.loads(as_script({"a": "</script>\u2028&"})) == {"a": "</script>\u2028&"}


def test_nothing_outside_is_named(page) -> None:
    assert re.findall(r"<(?:script|img|iframe|link|object)[^>]+(?:src|href)=", page) == []
    assert "default-src 'none'" in page


def test_the_explorer_has_every_checkpoint(written) -> None:
    _, observations = written
    data = explorer_data(observations, ["W_effective_rank_pct"], ["id_bits_per_byte"])
    assert data is not None
    assert len(data["runs"]) == 36 and len(data["points"]["run"]) == 108
    assert set(data["choices"]) == {"size", "tokens_budget", "batch_size", "weight_decay"}
    assert sorted(set(data["points"]["share"])) == [0.01, 0.1, 1]
    place = data["points"]["run"].index(3)
    row = observations[observations["run"] == data["runs"][3]["name"]].iloc[0]
    shown = data["points"]["W_effective_rank_pct"][place]
    assert shown == pytest.approx(row["W_effective_rank_pct"], rel=1e-4)
    assert explorer_data(observations, [], ["id_bits_per_byte"]) is None
    faster = observations.assign(
        learning_rate=0.04, learning_rate_multiple=[1.0] * 54 + [5.0] * (len(observations) - 54)
    )
    data = explorer_data(faster, ["W_effective_rank_pct"], ["id_bits_per_byte"])
    assert data is not None
    assert {run["learning_rate"] for run in data["runs"]} == {1, 5}


def test_a_large_study_shows_last_checkpoints_only(written, monkeypatch) -> None:
    _, observations = written
    monkeypatch.setattr(explorer, "MOST_NUMBERS", 2 * len(observations) - 1)
    data = explorer_data(observations, ["W_effective_rank_pct"], ["id_bits_per_byte"])
    assert data is not None
    assert len(data["points"]["run"]) == len(data["runs"]) == 36
    assert set(data["points"]["share"]) == {1}


def test_the_library_of_the_page_is_the_published_one() -> None:
    assets = files("disentangle.report") / "assets"
    library = (assets / "d3.min.js").read_bytes()
    assert hashlib.sha256(library).hexdigest() in (assets / "README.md").read_text()
    assert f"{len(library):,} bytes" in (assets / "README.md").read_text()
