"""The table of what jobs request a cluster for, by hand."""

from disentangle.planning.request_table import JobRequest, requests_as_text


def test_a_line_a_rule_and_the_gpu_hours_that_limits_allow() -> None:
    requests = [
        JobRequest("pretrain", gpu=4, nodes=2, mem_mb=5012, runtime=90, partition="gpu"),
        JobRequest("pretrain", gpu=1, nodes=1, mem_mb=2512, runtime=30, partition="gpu"),
        JobRequest("tokenize", gpu=0, nodes=1, mem_mb=4000, runtime=60, partition=""),
    ]
    heads, _, pretrain, tokenize, _, held = requests_as_text(requests, None)
    assert heads.split()[:4] == ["rule", "jobs", "gpu", "nodes"]
    assert pretrain.split() == ["pretrain", "2", "1-4", "1-2", "2.5-5", "30-90", "gpu"]
    assert tokenize.split() == ["tokenize", "1", "0", "1", "4", "60", "the", "site's"]
    assert "6.5 GPU-hours" in held  # 4 x 1.5 + 1 x 0.5
    assert requests_as_text([]) == []
