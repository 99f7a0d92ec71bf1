"""Late rises of the loss where the training text has noise, against the size of the model."""

import pandas as pd

from disentangle.neighbours.suite import Suite
from disentangle.statistics.design import COLUMNS, hyperparameters
from disentangle.tables.neighbours import TEXT_NOISE
from disentangle.tables.select import CHIEF_OUTCOME


def tables_of(suite: Suite) -> dict[str, pd.DataFrame]:
    """The table `text_noise`: the judge's verdict on ID loss of every run, beside its noise."""
    runs = suite.runs
    if suite.saturation is None or "token_noise" not in runs:
        return {"text_noise": pd.DataFrame(columns=TEXT_NOISE.schema.names)}
    judged = suite.saturation[suite.saturation["outcome"] == CHIEF_OUTCOME]
    columns = dict.fromkeys((*COLUMNS, *hyperparameters(runs)))
    found = judged[["run", "degradation", "verdict"]].merge(runs[list(columns)], on="run")
    read = found["text_tokens"].where(found["text_tokens"] > 0)
    last = runs.set_index("run")[CHIEF_OUTCOME]
    lowest = found["run"].map(last) - found["degradation"]
    return {"text_noise": found.assign(epochs=found["tokens_budget"] / read, loss=lowest)}
