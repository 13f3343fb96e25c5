"""What others serve such a model with: how each is started, and how it wants a row.

The other files here are programs of the peers' own environments; Clary imports none of them.
"""
