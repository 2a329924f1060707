"""The test bed of the fingerprint test's benchmark.

degradations   how a copy is spoiled, and what recall each way is to reach
bed            indexed music, negatives, snippets at random places
midi           songs played twice by made-up orchestras, for covers
detectors      anybody's detector on the same queries, and its score: docs/copies.md
peers          two public ones
"""
