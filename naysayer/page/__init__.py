"""report.html: one self-contained page for a run, beside report.txt.

source.py      all that a page is made of
operations.py  the history in columns, with the texts of its values
proof.py       the operations that matter, the cycle, and the order that the slider steps through
faults.py      the faults, each with its evidence
data.py        the page's data: a header and columns
columns.py     how numbers are packed: differences, variable length, deflated, base64
bundle.py      the modules of js/ in one script
render.py      the page as bytes
page.html.jinja, css/, js/   what a reader sees; js/main.js puts the modules together

Everything that the page shows of a run is data, never HTML: the browser puts it in place as text.
"""
