"""Videos become vectors: the Ray Data graph, its stages, resuming, actor pools, the recipe of a draft."""
