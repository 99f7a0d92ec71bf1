"""What a study will cost, and what is already done."""
