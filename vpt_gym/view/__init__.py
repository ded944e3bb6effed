"""Looking at demos: a local web page (``server``), and videos with the keys drawn in (``export``)."""
