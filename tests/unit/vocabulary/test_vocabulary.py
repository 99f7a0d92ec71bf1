"""Metrics and scores: their columns' names, labels and bounds."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from disentangle.geometry import CENTERED
from disentangle.geometry.of_matrix import measure_matrix
from disentangle.tables.headline import headline_metrics, loss_domains
from disentangle.vocabulary.metrics import METRICS, MetricColumn, metric_label, read_column
from disentangle.vocabulary.scores import BITS_PER_BYTE, LOSS, outcome_label, score_of

DOMAINS = st.sampled_from(["", "code", "my_domain", "rank", "stable", "effective"])


@given(DOMAINS, st.sampled_from([*(metric.name for metric in METRICS), "tail"]), st.booleans())
def test_a_column_is_taken_apart_as_it_was_put_together(
    domain: str, metric: str, centered: bool
) -> None:
    column = f"H_{f'{domain}_' if domain else ''}{metric}{CENTERED if centered else ''}"
    if (domain, metric) == ("effective", "rank"):
        return
    assert read_column(column, ["tail"]) == MetricColumn("H", domain, metric, centered)


@settings(deadline=None)
@given(st.integers(0, 2**32), st.floats(1e-3, 1e3), st.sampled_from([(3, 9), (40, 5), (2, 2)]))
def test_what_is_measured_lies_in_its_bounds(
    seed: int, scale: float, shape: tuple[int, int]
) -> None:
    M = scale * torch.randn(shape, generator=torch.Generator().manual_seed(seed))
    measured = measure_matrix(M, "M")
    for metric in METRICS:
        value = measured[metric.name]
        slack = 1e-9 * abs(value)
        low, high = metric.bounds.low - slack, metric.bounds.high + slack
        assert math.isnan(value) or low <= value <= high, metric.name


@pytest.mark.parametrize(
    ("column", "label"),
    [
        ("W_effective_rank_pct", "W: effective rank, % of d"),
        ("H_code_isoscore", "H (code): IsoScore"),
        ("W_stable_rank_centered", "W: stable rank, centred"),
        ("W_my_own", "W: my own"),
    ],
)
def test_a_metric_is_said_in_words(column: str, label: str) -> None:
    assert metric_label(column) == label


@pytest.mark.parametrize(
    ("column", "label"),
    [
        ("id_bits_per_byte", "id: bits per byte"),
        ("code_bits_per_byte_change", "code: change, bits per byte"),
        ("id_loss", "id: loss, nats per token"),
        ("arc_easy_acc", "arc easy acc"),
    ],
)
def test_an_outcome_is_said_in_words(column: str, label: str) -> None:
    assert outcome_label(column) == label


def test_a_score_is_known_by_its_ending() -> None:
    assert score_of("id_bits_per_byte") is BITS_PER_BYTE
    assert score_of("code_loss") is LOSS
    assert score_of("piqa_mcc") is None


def test_metrics_of_other_domains_are_left_out_and_ones_own_are_not() -> None:
    metrics = ["W_stable_rank", "W_tail", "H_stable_rank", "H_tail", "H_code_tail"]
    metrics += ["H_code_isoscore", "H_code_quality"]
    domains = loss_domains(["id_bits_per_byte", "code_loss", "piqa_acc"])
    assert domains == ["code", "id"]
    assert headline_metrics(metrics, domains) == metrics[:4]
    assert headline_metrics(["H_stable_rank"], ["stable"]) == ["H_stable_rank"], "it is of id"
