"""Makes clips with known causes: the world, its rendering, its files. Collects nothing."""
