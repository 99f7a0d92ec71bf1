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


rule analyze:
    input:
        spec=spec_of("analyze"),
        observations=results("tables/observations.parquet"),
    output:
        **{name: results(f"tables/{name}.parquet") for name in ANALYZED},
    log:
        results("logs/analyze.log"),
    resources:
        **ASKS.of(megabytes=4000, minutes=120),
    message:
        "Estimating associations, and judging the paper's findings"
    script:
        "../scripts/analyze.py"


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
