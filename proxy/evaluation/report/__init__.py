"""The page of figures and tables that `alleyes evaluate --report` writes: the paper's, for any trace."""
