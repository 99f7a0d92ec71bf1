"""What is done to a study by chance, a module a kind of fault."""
