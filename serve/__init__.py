"""The online app: a predictor behind HTTP, on Ray Serve. serve/README.md says how to start it."""
