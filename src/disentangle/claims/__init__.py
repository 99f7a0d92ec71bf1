"""The ledger: the paper's findings as tests, by rules that are the same for every study."""
