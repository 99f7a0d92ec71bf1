# A table of models trained and measured by others replaces training and measuring.


rule take_observations:
    input:
        file=STUDY.observations.file,
        spec=spec_of("take_observations"),
    output:
        observations=FOLDER.table("observations"),
        missing=FOLDER.table("missing"),
        source=FOLDER.source,
    log:
        FOLDER.log("take_observations"),
    resources:
        **REQUESTS.of(megabytes=4000, minutes=30),
    message:
        "Reading {input.file}"
    script:
        "../scripts/take_observations.py"
