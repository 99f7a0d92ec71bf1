"""How the site is built from these pages: `make docs`."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]

project = "Disentangle"
copyright = "the Disentangle developers, Apache-2.0"
version = release = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]

extensions = ["myst_parser"]

# headings get the anchors that they have on a forge, so that a page's links work in both places
myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence"]

html_theme = "furo"
html_title = "Disentangle"
html_show_sourcelink = False
html_copy_source = False
