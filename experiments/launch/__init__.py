"""Ways to run sweeps on machines of others: each a folder with one file of settings and one page."""
