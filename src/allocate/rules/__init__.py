"""Rules are text. Each is read once into a tree, and the tree is read three ways: rows, units, LaTeX."""
