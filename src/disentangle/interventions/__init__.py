"""What is done to W while a model trains, to find out whether its rank causes anything.

Each intervention is a module: the mathematics on a matrix, without a trainer. `push` chooses
the one of a run. W~ is W as the function fixes it: without column means over the rows in use and
without row means (`geometry.function_level`), since the last norm of these models has no gain and
subtracts the mean.
"""
