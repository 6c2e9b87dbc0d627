"""How wrong a forecast may be: the distribution, what calibrates it, and how good it was."""
