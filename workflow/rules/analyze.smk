# Many runs to few tables.

# where the study asks for it
LAYERS = [results("tables/layers.parquet")] if STUDY.geometry.layers else []


rule plan:
    # no output, so that it is always said anew; the table is a by-product
    log:
        results("logs/plan.log"),
    params:
        study=plain(STUDY),
        asks=asks_of_all,
    message:
        "Pricing the study"
    script:
        "../scripts/plan.py"


rule regress:
    input:
        spec=spec_of("regress"),
        observations=results("tables/observations.parquet"),
    output:
        associations=results("tables/associations.parquet"),
        regressions=results("tables/regressions.parquet"),
    log:
        results("logs/regress.log"),
    resources:
        **ASKS.of(megabytes=4000, minutes=60),
    message:
        "Estimating associations"
    script:
        "../scripts/regress.py"


rule judge_saturation:
    input:
        spec=spec_of("judge_saturation"),
        observations=results("tables/observations.parquet"),
    output:
        results("tables/saturation.parquet"),
    log:
        results("logs/judge_saturation.log"),
    resources:
        **ASKS.of(megabytes=2000, minutes=60),
    message:
        "Judging late rises of the loss"
    script:
        "../scripts/judge_saturation.py"


rule compare_runs:
    input:
        spec=spec_of("compare_runs"),
        observations=results("tables/observations.parquet"),
    output:
        agreement=results("tables/agreement.parquet"),
        effects=results("tables/effects.parquet"),
        noise=results("tables/noise.parquet"),
    log:
        results("logs/compare_runs.log"),
    resources:
        **ASKS.of(megabytes=4000, minutes=60),
    message:
        "Comparing seeds, training choices and metrics"
    script:
        "../scripts/compare_runs.py"


rule judge_claims:
    input:
        spec=spec_of("judge_claims"),
        observations=results("tables/observations.parquet"),
        associations=results("tables/associations.parquet"),
        saturation=results("tables/saturation.parquet"),
    output:
        claims=results("tables/claims.parquet"),
        claim_tests=results("tables/claim_tests.parquet"),
        counterexamples=results("tables/counterexamples.parquet"),
    log:
        results("logs/judge_claims.log"),
    resources:
        **ASKS.of(megabytes=4000, minutes=60),
    message:
        "Holding the paper's findings against the tables"
    script:
        "../scripts/judge_claims.py"


rule simulate:
    # from the design alone, so that it can be asked before anything is trained
    input:
        spec=spec_of("simulate"),
        observations=(
            [results("tables/observations.parquet")] if STUDY.observations else []
        ),
    output:
        results("tables/calibration.parquet"),
    log:
        results("logs/simulate.log"),
    resources:
        **ASKS.of(megabytes=4000, minutes=120),
    message:
        "Asking the estimators of studies whose truth is known"
    script:
        "../scripts/simulate.py"


rule calibrate:
    input:
        results("tables/calibration.parquet"),
