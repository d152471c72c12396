"""People of places over the years: who is born, dies, moves and is served, in many draws of what is not known."""
