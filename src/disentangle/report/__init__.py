"""The report: one page that opens offline."""

from disentangle.report.page import write_report

__all__ = ["write_report"]
