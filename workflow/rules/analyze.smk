# Many runs to few tables.

ESTIMATED = ["associations", "regressions", "saturation"]
ESTIMATED += ["agreement", "effects", "noise"]
ESTIMATED += ["claims", "claim_tests", "counterexamples", "calibration"]
TABLES = [*COLLECTED, *ESTIMATED]
if RUNS:
    TABLES.append("leakage")


# where the study asks for it
LAYERS = [results("tables/layers.parquet")] if STUDY.geometry.layers else []


rule write_design:
    # The list of what is expected, as a file: a checkpoint added to the plan makes it newer, and
    # the tables follow it.
    input:
        order=order_of("write_design"),
    output:
        results("design.json"),
    log:
        results("logs/write_design.log"),
    conda:
        CONDA
    resources:
        mem_mb=megabytes(500),
        runtime=minutes(5),
    params:
        **ordered(
            "write_design",
            runs=[run.to_json() for run in RUNS.values()],
            external=[run.to_json() for run in EXTERNAL.values()],
            code=code_of("write_design.py"),
        ),
    message:
        "Writing down what is to be trained"
    script:
        "../scripts/write_design.py"


rule plan:
    # no output, so that it is always said anew; the table is a by-product
    log:
        results("logs/plan.log"),
    conda:
        CONDA
    params:
        runs=[run.to_json() for run in RUNS.values()],
        external=[run.to_json() for run in EXTERNAL.values()],
        folder=results(""),
        execution=plain(STUDY.execution),
        keep_states=STUDY.save.trainer_state,
        perturbation=plain(STUDY.perturbation),
        domains=DOMAINS,
        geometry={
            "domains": H_DOMAINS,
            "max_tokens": STUDY.geometry.representations.max_tokens,
        },
        evaluation=plain(STUDY.evaluation),
        jobs={
            "pretrain": len(COHORTS),
            "import_checkpoint": len(EXTERNAL),
            "measure_geometry": len(MEASURED),
            **{kind: len(PERTURBED_RUNS) for kind in PERTURBATIONS},
            "evaluate_checkpoints": len(MEASURED),
            "take_observations": int(STUDY.observations is not None),
        },
        asks=asks_of_jobs,
    message:
        "Pricing the study"
    script:
        "../scripts/plan.py"


rule regress:
    input:
        order=order_of("regress"),
        observations=results("tables/observations.parquet"),
    output:
        associations=results("tables/associations.parquet"),
        regressions=results("tables/regressions.parquet"),
    log:
        results("logs/regress.log"),
    conda:
        CONDA
    resources:
        mem_mb=megabytes(4000),
        runtime=minutes(60),
    params:
        **ordered(
            "regress",
            settings=plain(STUDY.statistics),
            domains=DOMAINS,
            code=code_of("regress.py"),
        ),
    message:
        "Estimating associations"
    script:
        "../scripts/regress.py"


rule judge_saturation:
    input:
        order=order_of("judge_saturation"),
        observations=results("tables/observations.parquet"),
    output:
        results("tables/saturation.parquet"),
    log:
        results("logs/judge_saturation.log"),
    conda:
        CONDA
    resources:
        mem_mb=megabytes(2000),
        runtime=minutes(60),
    params:
        **ordered(
            "judge_saturation",
            settings=plain(STUDY.statistics),
            code=code_of("judge_saturation.py"),
        ),
    message:
        "Judging late rises of the loss"
    script:
        "../scripts/judge_saturation.py"


rule compare_runs:
    input:
        order=order_of("compare_runs"),
        observations=results("tables/observations.parquet"),
    output:
        agreement=results("tables/agreement.parquet"),
        effects=results("tables/effects.parquet"),
        noise=results("tables/noise.parquet"),
    log:
        results("logs/compare_runs.log"),
    conda:
        CONDA
    resources:
        mem_mb=megabytes(4000),
        runtime=minutes(60),
    params:
        **ordered(
            "compare_runs",
            settings=plain(STUDY.statistics),
            code=code_of("compare_runs.py"),
        ),
    message:
        "Comparing seeds, training choices and metrics"
    script:
        "../scripts/compare_runs.py"


rule judge_claims:
    input:
        order=order_of("judge_claims"),
        observations=results("tables/observations.parquet"),
        associations=results("tables/associations.parquet"),
        saturation=results("tables/saturation.parquet"),
    output:
        claims=results("tables/claims.parquet"),
        claim_tests=results("tables/claim_tests.parquet"),
        counterexamples=results("tables/counterexamples.parquet"),
    log:
        results("logs/judge_claims.log"),
    conda:
        CONDA
    resources:
        mem_mb=megabytes(4000),
        runtime=minutes(60),
    params:
        **ordered(
            "judge_claims",
            settings=plain(STUDY.statistics),
            targets=FINETUNED,
            code=code_of("judge_claims.py"),
        ),
    message:
        "Holding the paper's findings against the tables"
    script:
        "../scripts/judge_claims.py"


rule simulate:
    # from the design alone, so that it can be asked before anything is trained
    input:
        order=order_of("simulate"),
        design=results("design.json"),
        observations=(
            [results("tables/observations.parquet")] if STUDY.observations else []
        ),
    output:
        results("tables/calibration.parquet"),
    log:
        results("logs/simulate.log"),
    conda:
        CONDA
    resources:
        mem_mb=megabytes(4000),
        runtime=minutes(120),
    params:
        **ordered(
            "simulate",
            settings=plain(STUDY.statistics.calibration),
            seed=STUDY.statistics.seed,
            code=code_of("simulate.py"),
        ),
        cells=results("cells/calibration"),
    message:
        "Asking the estimators of studies whose truth is known"
    script:
        "../scripts/simulate.py"


rule calibrate:
    input:
        results("tables/calibration.parquet"),
