"""How a face is drawn, one step a file.

    person -> shape, skin, features, hair      who it is: a 3-D head and its albedo, from a low-dimensional code
    scene  -> pose, light, occlusion, camera   how this picture of the person came about: the nuisance
    rays   -> light -> camera                  pixels

Head frame: px of the aligned 112 x 112 crop, x right, y down, z towards the viewer, origin inside the head.
"""
