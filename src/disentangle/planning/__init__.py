"""What a study will cost, and which parts are already done."""
