"""The report of a run: what was found, as one page and as figures. Reads tables, fits nothing.

gather.py   a workspace and a run → one frozen Facts        atlas.py   its part that reads map/
numbers.py  the numbers that figures show                   plot.py    what every figure shares
collection.py, maps.py, reduction.py, clusters.py, model.py, comparison.py
            Facts → figures, each with a title that states its finding, and a text alternative
pictures.py, pieces.py, sentences.py, page.py
            thumbnails, tables, sentences → report.html
"""
