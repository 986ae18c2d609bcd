"""What the stages of the trained network see, on the mean of drawn faces: no real one goes into it."""

from ..backbones.contract import AbstractBackbone
from ..data.synthetic import DrawnFaces
from ..inspect.canvas import png
from ..inspect.draw import draw_fields
from ..inspect.faces import LEAST_FACES, mean_face, sample
from ..inspect.look import views
from ..inspect.subjects import Subject
from ..page.render import data_uri
from .judged import Report


def receptive_fields(name: str, network: AbstractBackbone, report: Report) -> str | None:
    """The picture as a data address; None for a network that shows no stages. It learns nothing any more."""
    network.eval().requires_grad_(False)
    if not network.spec.stages:
        return None
    subject = Subject(name, network.spec, network.preprocess, network.features)
    images = sample(DrawnFaces(identities=LEAST_FACES, images_per_identity=1), LEAST_FACES)
    seen = views(subject, images, "receptive fields", report)
    return data_uri(png(draw_fields(mean_face(images), {name: seen})), "png")
