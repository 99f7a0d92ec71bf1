"""What an archive of a study holds beside what it always holds."""

from typing import Literal

from disentangle.study.sections.section import Section


class Archive(Section):
    """What goes into an archive; nothing here changes what is computed."""

    weights: Literal["none", "final", "all"] = "final"
    """Of which checkpoints the weights go in: of none, of each run's last as trained, of all. The
    others are in it by their hashes. The last ones are what others build on; all of them are what
    makes an archive large."""
    corpus: bool = True
    """Whether the text goes in as it was used: passages, documents and tokens. Without, there are
    the recipe and the hashes, as for text that must not be passed on."""
