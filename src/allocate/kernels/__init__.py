"""Many-draw projection of people and of the adequacy of services, on bare arrays.

It knows no labels and no country: spaces are numbers from 0, ages are as long as a step, and every rate, lever and
path is an array. ``Inputs`` are checked once; ``project`` goes on without chance, ``simulate`` counts any number of
draws in bounded memory into a ``Tally``, and ``paths`` writes some of the same draws out.
"""

from allocate.kernels.inputs import Inputs
from allocate.kernels.run import Paths
from allocate.kernels.simulate import paths, project, simulate
from allocate.kernels.sketch import Sketch
from allocate.kernels.tally import Tally

__all__ = ["Inputs", "Paths", "Sketch", "Tally", "paths", "project", "simulate"]
