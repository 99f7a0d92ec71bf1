# Many runs to few tables.

# where the study asks for it
LAYERS = [FOLDER.table("layers")] if STUDY.geometry.layers else []


rule plan:
    # no output, so that it is always said anew; the table is a by-product
    log:
        FOLDER.log("plan"),
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
        observations=FOLDER.table("observations"),
    output:
        **{name: FOLDER.table(name) for name in ANALYZED},
    log:
        FOLDER.log("analyze"),
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
        observations=([FOLDER.table("observations")] if STUDY.observations else []),
    output:
        FOLDER.table("calibration"),
    log:
        FOLDER.log("simulate"),
    resources:
        **ASKS.of(megabytes=4000, minutes=120),
    message:
        "Asking the estimators of studies whose truth is known"
    script:
        "../scripts/simulate.py"


rule calibrate:
    input:
        FOLDER.table("calibration"),
