"""Tables become X, y and part: features, channels, targets, splits, and the matrix made of them."""
