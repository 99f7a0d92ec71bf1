"""Measure every matrix of a model's folder: a table on screen, a file, a picture."""

from pathlib import Path

import pandas as pd
from tqdm import tqdm

from disentangle.checkpoint.model_place import find
from disentangle.errors import StudyError
from disentangle.geometry.of_folder import folder_spectra, row_of
from disentangle.storage import replacing
from disentangle.tables.files import write_table
from disentangle.tables.geometry import MATRICES

PICTURES = (".svg", ".png", ".pdf")


def measure_all_matrices(source: str, *, out: Path | None, plot: Path | None) -> None:
    """Print the proportional effective rank of every matrix, layer by layer.

    Args:
        source: a Hugging Face folder with safetensors, or hf:owner/name[@revision].
        out: a parquet file for the whole table.
        plot: a picture of all spectra: .svg, .png or .pdf.

    Raises:
        StudyError: if the matrices of the model are not known, or a file cannot be read.
    """
    if plot is not None and plot.suffix not in PICTURES:
        raise StudyError(f"--plot {plot}: its name must end in {', '.join(PICTURES)}")
    place = find(source)
    if not place.path.is_dir():
        raise StudyError(f"--matrices all measures a model's folder; {source} is none")
    count, spectra = folder_spectra(place.path)
    # no bar where nobody sees it
    rows = [row_of(found) for found in tqdm(spectra, total=count, disable=None, leave=False)]
    matrices = pd.DataFrame(rows)
    print(screen(matrices))
    if out is not None:
        where = {"run": place.named, "step": None, "tokens": None}
        numerics = {"numerics": '{"device": "cpu", "metric_dtype": "float64"}'}
        write_table([where | row | numerics for row in rows], MATRICES, out)
        print(f"{out}: {count} matrices")
    if plot is not None:
        from disentangle.figures.spectra import spectra as draw

        with replacing(plot) as temporary:
            draw(matrices).savefig(temporary, format=plot.suffix.removeprefix("."))
        print(f"{plot}: their spectra")


def screen(matrices: pd.DataFrame) -> str:
    """A line for each layer, in per cent; of circuits the mean over heads."""
    values = 100 * matrices["proportional_effective_rank"]
    of_layers = matrices[matrices["layer"].notna()]
    wide = (
        of_layers.assign(value=values)
        .pivot_table(index="layer", columns="matrix", values="value", aggfunc="mean")
        .reindex(columns=list(dict.fromkeys(of_layers["matrix"])))
    )
    lines = ["effective rank, % of the number of singular values (OV, QK: mean over heads)"]
    lines.append(f"embedding E: {values[matrices['matrix'] == 'E'].iloc[0]:.1f}")
    lines.append("layer " + " ".join(f"{name:>6}" for name in wide.columns))
    for layer, row in wide.iterrows():
        lines.append(f"{layer:>5.0f} " + " ".join(f"{value:6.1f}" for value in row))
    return "\n".join(lines)
