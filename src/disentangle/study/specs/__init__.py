"""Specs: what each job of a study must do. `of_study.specs_of` makes them; jobs read them."""
