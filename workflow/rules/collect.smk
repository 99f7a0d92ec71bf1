# Combines all runs into one table each of training, measurements and evaluation.


rule collect:
    input:
        spec=spec_of("collect"),
        tokens=[FOLDER.tokens_manifest()] if RUNS else [],
        trained=expand(FOLDER.trained(), cohort=MEASURED),
        perturbed=expand(PERTURBED, cohort=JOBS.perturbed),
        geometry=expand(FOLDER.measured("geometry"), cohort=MEASURED),
        geometry_quarantined=expand(FOLDER.quarantined("geometry"), cohort=MEASURED),
        evaluation=expand(FOLDER.measured("evaluation"), cohort=MEASURED),
        passages=expand(FOLDER.measured("passages"), cohort=MEASURED),
        evaluation_quarantined=expand(FOLDER.quarantined("evaluation"), cohort=MEASURED),
    output:
        **{table: FOLDER.table(table) for table in JOBS.collected},
    log:
        FOLDER.log("collect"),
    resources:
        **REQUESTS.of(megabytes=4000, minutes=30),
    message:
        "Collecting the tables"
    script:
        "../scripts/collect.py"
