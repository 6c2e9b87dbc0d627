"""One small class per model behind one protocol, and the profiles that name them."""
