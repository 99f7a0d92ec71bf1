# What each job is to do, as files: see disentangle.study.orders.


def order_of(rule):
    """The order of a rule's job; the wildcard stays one."""
    return results(f"orders/{rule}/{{cohort}}.json")


READING = {
    "domains": H_DOMAINS,
    "max_tokens": STUDY.geometry.representations.max_tokens,
}

ORDERS = {
    "pretrain": {
        name: {
            "runs": [run.to_json() for run in runs],
            "keep_states": STUDY.save.trainer_state,
        }
        for name, runs in COHORTS.items()
    },
    "import_checkpoint": {
        name: {"run": run.to_json(), "code": code_of("import_checkpoint.py")}
        for name, run in EXTERNAL.items()
    },
    "measure_geometry": dict.fromkeys(
        MEASURED, READING | {"code": code_of("measure_geometry.py")}
    ),
    "compare_layers": dict.fromkeys(
        MEASURED if STUDY.geometry.layers else [],
        READING | {"code": code_of("compare_layers.py")},
    ),
    "evaluate_checkpoints": dict.fromkeys(
        MEASURED,
        {
            "settings": plain(STUDY.evaluation),
            "domains": DOMAINS,
            "code": code_of("evaluate_checkpoints.py"),
        },
    ),
    **{
        kind: {
            name: {
                "runs": [run.name for run in runs],
                "settings": plain(STUDY.perturbation),
                "passages_evaluated": STUDY.evaluation.passages,
                "code": code_of(f"{kind}.py") if kind == "quantize" else "",
            }
            for name, runs in PERTURBED_RUNS.items()
        }
        for kind in PERTURBATIONS
    },
}

if workflow.is_main_process:
    write_orders(Path(results("orders")), ORDERS)
