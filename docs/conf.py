"""How the site is built from these pages: `make docs`."""

import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "src"))

project = "Disentangle"
copyright = "the Disentangle developers, Apache-2.0"
version = release = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
nitpicky = False  # types of other libraries have no page here

# headings get the anchors that they have on a forge, so that a page's links work in both places
myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence"]

# The reference of the API needs signatures and docstrings, and nothing computed: the site is built
# without the libraries that compute.
autodoc_mock_imports = [
    *("datasets", "lm_eval", "matplotlib", "numpy", "olmo", "pandas", "pyarrow", "safetensors"),
    *("scipy", "sklearn", "statsmodels", "tokenizers", "torch", "tqdm", "transformers"),
]
autodoc_typehints = "signature"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
napoleon_use_rtype = False
default_role = "code"  # docstrings write `names` in single quotes, as Markdown does

html_theme = "furo"
html_title = "Disentangle"
html_show_sourcelink = False
html_copy_source = False
