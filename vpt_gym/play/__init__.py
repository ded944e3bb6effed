"""A person plays an env in a window, and what is played becomes demos (``vpt-gym play``).

``controls`` (keys and mouse to human actions), ``clock`` and ``session`` (what goes on) know no window; ``window`` and
``hud`` draw and listen with pygame; ``loop`` ties them together.
"""
