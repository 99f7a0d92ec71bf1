# A job a run, a cell a checkpoint and matrix.


rule measure_geometry:
    input:
        **{domain: results(f"corpus/heldout/{domain}.parquet") for domain in H_DOMAINS},
        manifest=results("checkpoints/{run}/manifest.json"),
    output:
        results("geometry/{run}.parquet"),
    log:
        results("logs/measure_geometry/{run}.log"),
    conda:
        CONDA
    threads: MEASURING["threads"]
    resources:
        gpu=MEASURING["gpu"],
        mem_mb=MEASURING["mem_mb"],
        runtime=MEASURING["runtime"],
    params:
        domains=H_DOMAINS,
        max_tokens=STUDY.geometry.representations.max_tokens,
        cells=results("cells/geometry"),
        code=code_of("measure_geometry.py"),
    message:
        "Measuring geometry of {wildcards.run}"
    script:
        "../scripts/measure_geometry.py"
