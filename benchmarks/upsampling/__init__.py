"""What the flesh's benchmark is made of.

excerpts     the songs it learns from and those it has never heard, at both rates
peers        other generators of their papers' sizes, at random initialisation
continuing   going on with a training from one state, in several ways
judging      distances between renderings and originals, and how sure they are
singer       a skeleton whose samples are fleshed
"""
