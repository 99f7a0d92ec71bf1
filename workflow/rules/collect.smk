# Many runs to one table each of what was trained, measured and evaluated.


rule collect:
    input:
        spec=spec_of("collect"),
        trained=expand(results("trained/{cohort}.json"), cohort=MEASURED),
        perturbed=expand(PERTURBED, cohort=JOBS.perturbed),
        geometry=expand(results("geometry/{cohort}.parquet"), cohort=MEASURED),
        geometry_quarantined=expand(
            results("geometry/{cohort}.quarantined.json"), cohort=MEASURED
        ),
        evaluation=expand(results("evaluation/{cohort}.parquet"), cohort=MEASURED),
        evaluation_quarantined=expand(
            results("evaluation/{cohort}.quarantined.json"), cohort=MEASURED
        ),
    output:
        **{table: results(f"tables/{table}.parquet") for table in JOBS.collected},
    log:
        results("logs/collect.log"),
    resources:
        **ASKS.of(megabytes=4000, minutes=30),
    message:
        "Putting the tables together"
    script:
        "../scripts/collect.py"
