"""Fit, compare, judge: the sweep on Ray Tune, the candidates of a run, metrics, evaluation."""
