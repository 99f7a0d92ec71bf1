# Combines the results of all runs into a few tables.


rule plan:
    # no output, so that it always runs again; the table is a by-product
    log:
        FOLDER.log("plan"),
    params:
        study=plain(STUDY),
        requests=requests_of_all,
    message:
        "Estimating the cost of the study"
    script:
        "../scripts/plan.py"


rule analyze:
    input:
        spec=spec_of("analyze"),
        passages=[] if STUDY.observations else [FOLDER.table("passages")],
        observations=FOLDER.table("observations"),
    output:
        **{name: FOLDER.table(name) for name in ANALYZED},
    log:
        FOLDER.log("analyze"),
    resources:
        **REQUESTS.of(megabytes=4000, minutes=120),
    message:
        "Estimating associations and judging the paper's findings"
    script:
        "../scripts/analyze.py"


rule judge_neighbours:
    input:
        spec=spec_of("judge_neighbours"),
        observations=[FOLDER.table("observations")],
        passages=[] if STUDY.observations else [FOLDER.table("passages")],
        saturation=[FOLDER.table("saturation")],
        layers=LAYERS,
        matrices=MATRICES,
        gradients=GRADIENTS,
        followed=TOKEN_TRENDS,
        compression=expand(FOLDER.measured("compression"), cohort=JOBS.compressed),
    output:
        **{name: FOLDER.table(name) for name in neighbouring_tables(STUDY)},
    log:
        FOLDER.log("judge_neighbours"),
    resources:
        **REQUESTS.of(megabytes=4000, minutes=30),
    message:
        "Looking for the findings of neighbouring papers"
    script:
        "../scripts/judge_neighbours.py"


rule analyze_experiment:
    input:
        spec=spec_of("analyze_experiment"),
        observations=FOLDER.table("observations"),
        surgery=[FOLDER.table("surgery")] if JOBS.operated else [],
    output:
        **{name: FOLDER.table(name) for name in EXPERIMENT},
    log:
        FOLDER.log("analyze_experiment"),
    resources:
        **REQUESTS.of(megabytes=4000, minutes=60),
    message:
        "Estimating what the experiment shows"
    script:
        "../scripts/analyze_experiment.py"


rule simulate:
    # needs only the design, so it can run before anything is trained
    input:
        spec=spec_of("simulate"),
        observations=([FOLDER.table("observations")] if STUDY.observations else []),
    output:
        FOLDER.table("calibration"),
    log:
        FOLDER.log("simulate"),
    resources:
        **REQUESTS.of(megabytes=4000, minutes=120),
    message:
        "Calibrating the estimators on simulated studies"
    script:
        "../scripts/simulate.py"


rule calibrate:
    input:
        FOLDER.table("calibration"),
