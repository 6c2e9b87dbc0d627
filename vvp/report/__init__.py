"""The report of a run: what was found, as one page and as figures. Reads tables, fits nothing.

gather.py     a workspace and a run → one frozen Facts      gather_map.py  its part that reads map/
numbers.py    the numbers that figures show
figures/      Facts → figures, one module per section; plot.py has what every figure shares
usual.py      posts against their channel's usual
glossary.py   the words that a reader needs
pictures.py, html.py, sentences.py, page.py
              thumbnails, tables, sentences → report.html
"""
