"""What lies over the view: hotbar and hearts, and the inventory screens."""
