"""What a release says of how it was made, so that machines and people can tell.

    answers      All, Partly or None: what of each part machines made; ai-disclosure.csv and .json
    ern          the same as a DDEX message
    iscc         a code of each song that finds its copies
    provenance   C2PA manifests (extra), signed last
    model_card   a card for each net

The inaudible mark is the room ``marking``; the label people see is ``sentences.made_by``.
"""
