"""Tables of finished studies, kept in `published/`: the pages' figures are drawn from them."""
