"""Flat pictures drawn over the view: the heads-up display and the inventory screens."""
