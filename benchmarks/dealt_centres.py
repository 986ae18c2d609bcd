"""What the geometry of inherited centres is worth: ProxylessKD with the teacher's centres dealt to other people.

    PYTHONPATH=benchmarks facedistill distill celeba269_proxyless training.epochs=10 out=runs/dealt \
      'method={dealt_centres.DealtCentres: {centres: teacher_means, margin: {cosface: {margin: 0.35, scale: 32}}}}'

Who is near whom is then no longer the teacher's word; everything else stays.
"""

import torch

from facedistill.heads.inherited import Centres
from facedistill.methods.proxyless import ProxylessKD
from facedistill.signature import Choice
from facedistill.teachers.classifier import TeacherClassifier
from facedistill.types import Spec


class DealtCentres(ProxylessKD):
    """Term ``inherited``, as ProxylessKD's, with centres in a fixed random order."""

    def __init__(
        self,
        student: Spec,
        classifier: TeacherClassifier,
        *,
        centres: Centres = "frozen",
        margin: Choice | str = "arcface",
    ) -> None:
        super().__init__(student, classifier, centres=centres, margin=margin)
        held = self.head.softmax.class_centres()
        with torch.no_grad():
            held.copy_(held[torch.randperm(len(held), generator=torch.Generator().manual_seed(0))])
