"""The geometry of the report's charts: from figures to positions in a drawing, without any markup.

Drawings have their origin at the top left; all positions are in the units of the view box.
"""
