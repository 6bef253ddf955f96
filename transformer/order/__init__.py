"""Order compilation: turns a first-match list into rules for targets that take the most specific match.

The module takes and returns plain values; it knows no manifest, no finding and no mesh configuration.
"""
