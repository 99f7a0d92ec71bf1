# Tables to figures to one page.

FIGURES = [
    *(["training_curves", "training_choices"] if RUNS else []),
    "rank_and_loss",
    "rank_over_training",
    "metric_agreement",
    "associations",
    *(["perturbations"] if PERTURBED else []),
    *(["layer_convergence"] if LAYERS else []),
]


rule draw_figures:
    input:
        order=order_of("draw_figures"),
        design=results("design.json"),
        observations=results("tables/observations.parquet"),
        associations=results("tables/associations.parquet"),
        agreement=results("tables/agreement.parquet"),
        layers=LAYERS,
        trained=expand(results("trained/{cohort}.json"), cohort=COHORTS),
    output:
        svg=expand(results("figures/{figure}.svg"), figure=FIGURES),
        pdf=expand(results("figures/{figure}.pdf"), figure=FIGURES),
    log:
        results("logs/draw_figures.log"),
    conda:
        CONDA
    resources:
        mem_mb=megabytes(2000),
        runtime=minutes(30),
    params:
        **ordered(
            "draw_figures",
            figures=FIGURES,
            perturbation=plain(STUDY.perturbation),
            code=code_of("draw_figures.py"),
        ),
        checkpoints=results("checkpoints"),
    message:
        "Drawing figures"
    script:
        "../scripts/draw_figures.py"


rule write_report:
    input:
        **{table: results(f"tables/{table}.parquet") for table in TABLES},
        order=order_of("write_report"),
        design=results("design.json"),
        tokens=[results("tokens/manifest.json")] if RUNS else [],
        source=[results("source.json")] if STUDY.observations else [],
        figures=expand(results("figures/{figure}.svg"), figure=FIGURES),
    output:
        report=results("report.html"),
        costs=results("tables/costs.parquet"),
    log:
        results("logs/write_report.log"),
    conda:
        CONDA
    resources:
        mem_mb=megabytes(2000),
        runtime=minutes(10),
    params:
        **ordered(
            "write_report",
            # how it was run is in the table of costs
            study=plain(STUDY, without=("execution",)),
            tables=TABLES,
            cohorts={
                name: [run.name for run in runs] for name, runs in COHORTS.items()
            },
            code=code_of("write_report.py"),
        ),
        logs=results("logs"),
    message:
        "Writing {output.report}"
    script:
        "../scripts/write_report.py"


rule report:
    input:
        results("report.html"),
