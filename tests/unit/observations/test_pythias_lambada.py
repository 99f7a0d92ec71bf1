"""Pythia's published LAMBADA results: the four small models saturate, none from 1B on does.

Perplexities and their standard errors are facts of github.com/EleutherAI/pythia,
evals/pythia-v1/pythia-<model>/zero-shot/<model>_step<step>.json (commits 4d0c9018, ddad623a,
51389c94, 58f33c6e). These are some of the steps that were evaluated, and not always the last one,
so most rises are below those from the lowest to the last of all steps.
"""

import json
from pathlib import Path

import numpy as np
import pytest

from disentangle.checkpoint.references import BASE
from disentangle.observations.from_harness import table_from_harness
from disentangle.statistics.saturation import judge_runs

PERPLEXITY = {
    "70m": {
        13000: (136.24789967804702, 5.841149004257701),
        73000: (117.09850923121336, 4.944891089328104),
        93000: (140.52328755411287, 6.002931469828659),
        113000: (120.54804436871059, 5.111543992276259),
        143000: (142.42891015470678, 6.043810708201551),
    },
    "70m-deduped": {
        33000: (98.08553421953862, 4.03150633358861),
        73000: (91.01423499054364, 3.8535893316029624),
        93000: (120.95812959292272, 5.1925163817861),
        103000: (147.7022119277194, 6.26381599661072),
    },
    "160m": {
        83000: (29.178896580439904, 1.0475255665707088),
        123000: (37.80438715980361, 1.4031816662615517),
    },
    "160m-deduped": {
        83000: (27.297906060013375, 0.9508361124845658),
        133000: (31.227553480802793, 1.1716976803767096),
    },
    "1b-deduped": {
        33000: (10.420574800805584, 0.29491756554076887),
        123000: (7.410291491353965, 0.19474842135940296),
    },
    "2.8b": {
        73000: (5.585731820089374, 0.13658182182707643),
        113000: (5.059673777696937, 0.11934177450711157),
        133000: (5.022854693075506, 0.11800211123509714),
    },
    "6.9b": {
        83000: (4.944134743830299, 0.11409816227939107),
        123000: (4.562099081036764, 0.10181326121744368),
    },
}


def test_the_small_models_saturate_and_the_large_ones_do_not(tmp_path: Path) -> None:
    for model, steps in PERPLEXITY.items():
        for step, (perplexity, error) in steps.items():
            path = tmp_path / f"pythia-{model}" / "zero-shot" / f"{model}_step{step}.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            scores = {"ppl": perplexity, "ppl_stderr": error, "acc": 0.2, "acc_stderr": 0.005}
            path.write_text(json.dumps({"results": {"lambada_openai": scores}}))
    table = table_from_harness(tmp_path, "pythia-{run}/zero-shot/*_step{step}.json").table
    judged = judge_runs(table.assign(variant=BASE), tolerance=0.01, resamples=2000, seed=0)
    of_losses = {row["run"]: row for row in judged if row["outcome"].endswith("log_perplexity")}
    verdicts = {run: row["verdict"] for run, row in of_losses.items()}
    assert verdicts == {
        "70m": "saturated",
        "70m-deduped": "saturated",
        "160m": "saturated",
        "160m-deduped": "saturated",
        "1b-deduped": "not saturated",
        "2.8b": "undecided",  # the last two steps are equal within errors that are not paired
        "6.9b": "not saturated",
    }
    rises = {run: row["degradation"] for run, row in of_losses.items()}
    assert rises["70m"] == pytest.approx(np.log(142.42891 / 117.09851), abs=1e-6)
    assert rises["70m-deduped"] == pytest.approx(0.48, abs=0.01)
    assert rises["160m"] == pytest.approx(0.26, abs=0.01)
    assert rises["1b-deduped"] == rises["2.8b"] == rises["6.9b"] == 0
