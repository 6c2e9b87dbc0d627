"""The saved artefact at work: a predictor, its files, what each block contributed, similar videos."""
