# Tables to figures to one page.


rule draw_figures:
    input:
        spec=spec_of("draw_figures"),
        observations=results("tables/observations.parquet"),
        associations=results("tables/associations.parquet"),
        agreement=results("tables/agreement.parquet"),
        layers=LAYERS,
        trained=expand(results("trained/{cohort}.json"), cohort=COHORTS),
    output:
        svg=expand(results("figures/{figure}.svg"), figure=JOBS.figures),
        pdf=expand(results("figures/{figure}.pdf"), figure=JOBS.figures),
    log:
        results("logs/draw_figures.log"),
    resources:
        **ASKS.of(megabytes=2000, minutes=30),
    message:
        "Drawing figures"
    script:
        "../scripts/draw_figures.py"


rule write_report:
    input:
        **{table: results(f"tables/{table}.parquet") for table in JOBS.tables},
        spec=spec_of("write_report"),
        tokens=[results("tokens/manifest.json")] if RUNS else [],
        source=[results("source.json")] if STUDY.observations else [],
        figures=expand(results("figures/{figure}.svg"), figure=JOBS.figures),
    output:
        report=results("report.html"),
        costs=results("tables/costs.parquet"),
    log:
        results("logs/write_report.log"),
    resources:
        **ASKS.of(megabytes=2000, minutes=10),
    message:
        "Writing {output.report}"
    script:
        "../scripts/write_report.py"


rule report:
    input:
        results("report.html"),
