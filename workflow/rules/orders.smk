# What each job is to do, as files: see disentangle.study.start. Rules with one job have noted it
# where they stand; here are those with a job a cohort or a domain.

import atexit

READING = {
    "domains": H_DOMAINS,
    "max_tokens": STUDY.geometry.representations.max_tokens,
}

# what GPTQ is calibrated on begins behind the passages that are evaluated
CALIBRATION_OF = {
    "quantize": {
        "passages_evaluated": STUDY.evaluation.passages,
        "code": code_of("quantize.py"),
    },
    "finetune": {},
}

ORDERS |= {
    "gather_passages": {
        domain: {
            "heldout": plain(heldout),
            "halved": domain in FINETUNED_DOMAINS,
            "code": code_of("gather_passages.py"),
        }
        for domain, heldout in (
            [] if STUDY.observations else STUDY.corpus.heldout.items()
        )
    },
    "gather_target": {
        target: {
            "domains": DOMAINS,
            "source": STUDY.corpus.heldout[settings.domain].source,
            "tokens": settings.tokens,
            "code": code_of("gather_target.py"),
        }
        for target, settings in STUDY.perturbation.finetune.items()
    },
    "tokenize_target": {
        target: {"limit": settings.tokens, "code": code_of("tokenize.py")}
        for target, settings in STUDY.perturbation.finetune.items()
    },
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
                "settings": PERTURBATION_OF[kind],
                **CALIBRATION_OF[kind],
            }
            for name, runs in PERTURBED_RUNS.items()
        }
        for kind in PERTURBATIONS
    },
}


# targets that run no job that has an order
LOOKING = {"plan", "verify"}

if workflow.is_main_process:
    try:
        # absolute, since Snakemake leaves its folder before the end
        START = Start(
            Path(results("")).absolute(),
            Path(".snakemake/starts", STUDY.study).absolute(),
        )
        atexit.register(START.end)
        DAMAGED = damaged_files(Path(results("")))
        START.write_orders(ORDERS, again=DAMAGED.values())
        START.set_aside(DAMAGED)
    except OSError as fault:
        raise WorkflowError(
            f"{results('')} cannot be written to: {fault}\nA start writes there what its jobs "
            "are to do, a dry run too. Mend that, or work on a copy of the folder."
        ) from None
    if DAMAGED:
        logger.warning(damage_in_words(DAMAGED, results("")))


onstart:
    # called where there are jobs, and no dry run
    if workflow.is_main_process and not (
        workflow.dag_settings.targets
        and set(workflow.dag_settings.targets) <= LOOKING
    ):
        START.keep()
