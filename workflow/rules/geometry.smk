# One job per cohort, one cache entry per checkpoint and matrix.


rule measure_geometry:
    input:
        **HELDOUT_OF_H,
        spec=spec_of("measure_geometry", "{cohort}"),
        trained=FOLDER.trained(),
    output:
        rows=FOLDER.measured("geometry"),
        quarantined=FOLDER.quarantined("geometry"),
    log:
        FOLDER.log("measure_geometry", "{cohort}"),
    threads: REQUESTS.measuring.threads
    resources:
        **REQUESTS.measuring.resources,
    message:
        "Measuring geometry of {wildcards.cohort}"
    script:
        "../scripts/measure_geometry.py"


rule compare_layers:
    input:
        **HELDOUT_OF_H,
        spec=spec_of("compare_layers", "{cohort}"),
        trained=FOLDER.trained(),
    output:
        FOLDER.measured("layers"),
    log:
        FOLDER.log("compare_layers", "{cohort}"),
    threads: REQUESTS.measuring.threads
    resources:
        **REQUESTS.measuring.resources,
    message:
        "Comparing layers of {wildcards.cohort}"
    script:
        "../scripts/compare_layers.py"


rule collect_layers:
    input:
        spec=spec_of("collect_layers"),
        layers=expand(FOLDER.measured("layers"), cohort=MEASURED),
    output:
        FOLDER.table("layers"),
    log:
        FOLDER.log("collect_layers"),
    resources:
        **REQUESTS.of(megabytes=2000, minutes=10),
    message:
        "Collecting the layers' table"
    script:
        "../scripts/collect_layers.py"


rule measure_matrices:
    input:
        spec=spec_of("measure_matrices", "{cohort}"),
        trained=FOLDER.trained(),
    output:
        FOLDER.measured("matrices"),
    log:
        FOLDER.log("measure_matrices", "{cohort}"),
    threads: REQUESTS.decomposing.threads
    resources:
        **REQUESTS.decomposing.resources,
    message:
        "Measuring all matrices of {wildcards.cohort}"
    script:
        "../scripts/measure_matrices.py"


rule collect_matrices:
    input:
        spec=spec_of("collect_matrices"),
        matrices=expand(FOLDER.measured("matrices"), cohort=MEASURED),
    output:
        FOLDER.table("matrices"),
    log:
        FOLDER.log("collect_matrices"),
    resources:
        **REQUESTS.of(megabytes=2000, minutes=10),
    message:
        "Collecting the table of matrices"
    script:
        "../scripts/collect_matrices.py"


rule measure_gradients:
    input:
        unpack(late_text_of),
        spec=spec_of("measure_gradients", "{cohort}"),
        trained=FOLDER.trained(),
        # hashes of the text are in the manifests of the runs
        tokens=ancient(TOKENS),
    output:
        FOLDER.measured("gradients"),
    log:
        FOLDER.log("measure_gradients", "{cohort}"),
    wildcard_constraints:
        cohort=one_of(COHORTS),
    threads: REQUESTS.measuring.threads
    resources:
        **REQUESTS.measuring.resources,
    message:
        "Measuring gradients of {wildcards.cohort}"
    script:
        "../scripts/measure_gradients.py"


rule collect_gradients:
    input:
        spec=spec_of("collect_gradients"),
        gradients=expand(FOLDER.measured("gradients"), cohort=COHORTS),
    output:
        FOLDER.table("gradients"),
    log:
        FOLDER.log("collect_gradients"),
    resources:
        **REQUESTS.of(megabytes=2000, minutes=10),
    message:
        "Collecting the table of gradients"
    script:
        "../scripts/collect_gradients.py"
