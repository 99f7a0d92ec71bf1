# One job per cohort, one cache entry per checkpoint and task; perturbed checkpoints are treated alike.


rule evaluate_checkpoints:
    input:
        **HELDOUT,
        spec=spec_of("evaluate_checkpoints", "{cohort}"),
        trained=FOLDER.trained(),
        perturbed=perturbed_of,
    output:
        rows=FOLDER.measured("evaluation"),
        passages=FOLDER.measured("passages"),
        quarantined=FOLDER.quarantined("evaluation"),
    log:
        FOLDER.log("evaluate_checkpoints", "{cohort}"),
    threads: REQUESTS.evaluating.threads
    resources:
        **REQUESTS.evaluating.resources,
    message:
        "Evaluating {wildcards.cohort}"
    script:
        "../scripts/evaluate_checkpoints.py"


rule follow_tokens:
    input:
        spec=spec_of("follow_tokens", "{cohort}"),
        trained=FOLDER.trained(),
        passages=FOLDER.heldout("id"),
    output:
        FOLDER.measured("token_trends"),
    log:
        FOLDER.log("follow_tokens", "{cohort}"),
    threads: REQUESTS.evaluating.threads
    resources:
        **REQUESTS.evaluating.resources,
    message:
        "Following the tokens of {wildcards.cohort}"
    script:
        "../scripts/follow_tokens.py"
