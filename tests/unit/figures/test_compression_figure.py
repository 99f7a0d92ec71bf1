import pandas as pd

from disentangle.figures.compression import compression


def row(method: str, matrices: str, layers: str, numbers: float, added: float) -> dict[str, object]:
    variant = f"{method}-{numbers}-{layers}"
    return {
        "run": "a", "variant": variant, "method": method, "matrices": matrices, "layers": layers,
        "numbers": numbers, "added": added,
    }  # fmt: skip


def test_a_panel_for_each_place_and_a_line_for_each_method_and_none_for_gptq() -> None:
    table = pd.DataFrame(
        [
            row("svd", "down", "-1", 0.5, 0.1),
            row("svd", "down", "-1", 0.25, 0.3),
            row("magnitude", "all of the layers", "all", 0.2, 2.0),
            row("cp", "q k", "0 1", 0.4, -0.01),
            row("tucker", "q k", "0 1", 0.6, 0.2),
            row("gptq", "all of the layers", "all", float("nan"), 0.1),
        ]
    )
    figure = compression(table)
    titled = {axis.get_title("left"): axis for axis in figure.axes}
    assert list(titled)[:3] == ["down, layer -1", "all of the layers", "q, k, layer 0, 1"]
    line = titled["down, layer -1"].lines[0]
    assert list(line.get_xdata()) == [0.25, 0.5] and list(line.get_ydata()) == [0.3, 0.1]
    assert {text.get_text() for text in figure.legends[0].texts} == {
        "svd",
        "pruning",
        "cp",
        "tucker",
    }


def test_nothing_measured_is_an_empty_figure() -> None:
    table = pd.DataFrame([row("gptq", "all of the layers", "all", float("nan"), 0.1)])
    assert not compression(table).legends
