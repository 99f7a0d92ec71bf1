# Many runs to one table each of what was trained, measured and evaluated.


rule collect:
    input:
        spec=spec_of("collect"),
        trained=expand(FOLDER.trained(), cohort=MEASURED),
        perturbed=expand(PERTURBED, cohort=JOBS.perturbed),
        geometry=expand(FOLDER.measured("geometry"), cohort=MEASURED),
        geometry_quarantined=expand(FOLDER.quarantined("geometry"), cohort=MEASURED),
        evaluation=expand(FOLDER.measured("evaluation"), cohort=MEASURED),
        evaluation_quarantined=expand(FOLDER.quarantined("evaluation"), cohort=MEASURED),
    output:
        **{table: FOLDER.table(table) for table in JOBS.collected},
    log:
        FOLDER.log("collect"),
    resources:
        **ASKS.of(megabytes=4000, minutes=30),
    message:
        "Putting the tables together"
    script:
        "../scripts/collect.py"
