"""How the inputs of a projection of people and services follow from the South African facts.

Each module answers one question: who lives where (``base``), who dies (``lifetables``, ``deaths``), who is born
(``births``), who moves (``moves``), who heads a household (``heads``), what serves them (``stocks``) and how far any
of it may be off (``shocks``). ``inputs`` puts the answers together, as of 2016 or as of 2011.
"""
