# From tables to figures to one page.


rule draw_figures:
    input:
        **{name: [FOLDER.table(name)] for name in tables_of_findings(STUDY)},
        spec=spec_of("draw_figures"),
        observations=FOLDER.table("observations"),
        associations=FOLDER.table("associations"),
        agreement=FOLDER.table("agreement"),
        over_training=FOLDER.table("over_training"),
        saturation=FOLDER.table("saturation"),
        layers=LAYERS,
        causal_slopes=[FOLDER.table("causal_slopes")] if JOBS.experiment else [],
        trained=expand(FOLDER.trained(), cohort=COHORTS),
    output:
        svg=expand(FOLDER.figure("{figure}", "svg"), figure=JOBS.figures),
        pdf=expand(FOLDER.figure("{figure}", "pdf"), figure=JOBS.figures),
    log:
        FOLDER.log("draw_figures"),
    resources:
        **REQUESTS.of(megabytes=2000, minutes=30),
    message:
        "Drawing figures"
    script:
        "../scripts/draw_figures.py"


rule write_report:
    input:
        **{table: FOLDER.table(table) for table in JOBS.tables},
        spec=spec_of("write_report"),
        tokens=[FOLDER.tokens_manifest()] if RUNS else [],
        source=[FOLDER.source] if STUDY.observations else [],
        figures=expand(FOLDER.figure("{figure}", "svg"), figure=JOBS.figures),
    output:
        report=FOLDER.report,
        costs=FOLDER.table("costs"),
    log:
        FOLDER.log("write_report"),
    resources:
        **REQUESTS.of(megabytes=2000, minutes=10),
    message:
        "Writing {output.report}"
    script:
        "../scripts/write_report.py"


rule report:
    input:
        FOLDER.report,
