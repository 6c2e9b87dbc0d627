"""The report of a run: what was found, as one page and as figures. Reads tables, fits nothing.

gather.py   a workspace and a run → one frozen Facts        slices.py  the numbers that figures show
figures_*   Facts → figures, each with a title that states its finding, and a text alternative
page.py     figures and sentences → report.html
"""
