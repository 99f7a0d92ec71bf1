"""The ledger: the paper's findings as tests whose rules were fixed before the data were seen."""
