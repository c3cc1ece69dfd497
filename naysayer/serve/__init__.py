"""`naysayer serve`: a browser of results, and the explorer, on this machine only.

index.py      the runs in a results folder, a row each
watch.py      what changes there while it is looked at
app.py        the addresses: the index, pages of runs, files; who may ask
explore.py    the addresses of the explorer: the API of naysayer/explorer as JSON
clock.py      what the explorer's clock draws of a branch
serving.py    the server: a random port, a token, an end within a second
templates/, static/   what a reader sees
"""
