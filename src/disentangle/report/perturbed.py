"""How each perturbation changed the losses."""

from typing import Any

import pandas as pd

from disentangle.checkpoint.references import BASE
from disentangle.vocabulary.scores import BITS_PER_BYTE, CHANGE


def changes(observations: pd.DataFrame, domains: list[str]) -> list[dict[str, Any]]:
    """Losses before and after, per variant and held-out domain, over models that have both.

    Args:
        observations: the observations table.
        domains: held-out domains, in the order to list them.

    Returns:
        Records with variant, domain, n, before, after and change (means, bits per byte), lowest
        and highest change, and worse (the number of models whose loss rose).
    """
    records = []
    perturbed = observations[observations["variant"] != BASE]
    for variant, rows in perturbed.groupby("variant", sort=True):
        for domain in domains:
            loss = BITS_PER_BYTE.of(domain)
            complete = rows.dropna(subset=[loss, f"{loss}{CHANGE}"])
            change = complete[f"{loss}{CHANGE}"]
            records.append(
                {
                    "variant": variant,
                    "domain": domain,
                    "n": len(complete),
                    "before": (complete[loss] - change).mean(),
                    "after": complete[loss].mean(),
                    "change": change.mean(),
                    "lowest": change.min(),
                    "highest": change.max(),
                    "worse": int((change > 0).sum()),
                }
            )
    return records
