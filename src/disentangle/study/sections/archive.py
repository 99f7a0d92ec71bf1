"""What an archive of a study holds beside what it always holds."""

from typing import Literal

from disentangle.study.sections.section import Section


class Archive(Section):
    """What goes into an archive; nothing here changes what is computed."""

    weights: Literal["none", "final", "all"] = "final"
    """Whose weights go in: no checkpoint's, each run's last as trained, or all. The others are
    listed by hash. The last checkpoints are what others build on; storing all of them makes an
    archive large."""
    corpus: bool = True
    """Whether the text goes in as it was used: passages, documents and tokens. If false, only the
    recipe and the hashes go in, for text that must not be redistributed."""
