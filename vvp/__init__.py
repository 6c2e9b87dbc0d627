"""vvp forecasts how many views a short video will get, and says how sure it is."""

__version__ = "0.1.0"
