"""The figures of the report, one module per section, and the plot helpers that they share."""
