"""What each job of a study is to do: `of_study.specs_of` makes it of the study, jobs read it."""
