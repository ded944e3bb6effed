"""Showing demos: a local web page (``server``), and videos, GIFs and stills with the keys (``export``)."""
