"""Sections of a study file as the plain data that Snakemake passes to jobs."""

from typing import Any

from disentangle.study.sections.section import Section


def plain(section: Section) -> dict[str, Any]:
    """Plain numbers, strings, lists and dictionaries; the section's class reads them back."""
    return section.model_dump(mode="json")
