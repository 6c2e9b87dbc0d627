"""Networks trained on the clips themselves, and judged like every other model."""
