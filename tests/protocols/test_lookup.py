"""Which benchmark a path is, and what is said where nobody knows."""

import pytest
import tiny

from facedistill.catalogue import catalogue
from facedistill.errors import UserError
from facedistill.protocols import open_protocol, protocols
from facedistill.protocols.contract import AbstractProtocol
from facedistill.protocols.verification import Verification


def test_any_folder_of_identities_is_a_verification_set(tmp_path):
    assert isinstance(open_protocol(tiny.write_faces(tmp_path / "faces")), Verification)


def test_what_nobody_recognises_is_said_with_what_was_looked_for(tmp_path):
    (tmp_path / "notes.txt").write_text("nothing")
    with pytest.raises(UserError, match=r"notes.txt. Looked for: .*a folder <identity>/<image>"):
        open_protocol(tmp_path / "notes.txt")
    with pytest.raises(UserError, match="There is no folder"):
        open_protocol(tmp_path / "none")


def test_a_path_that_two_benchmarks_claim_is_refused(tmp_path, monkeypatch):
    class Claims(Verification):
        """a claim on everything."""

        general = False

    offers = {**catalogue("protocols", AbstractProtocol), "one": Claims, "two": Claims}
    monkeypatch.setattr("facedistill.protocols.catalogue", lambda *_: offers)
    with pytest.raises(UserError, match="looks like 2 benchmarks: a claim on everything; a claim on everything;"):
        open_protocol(tmp_path)
    monkeypatch.setattr("facedistill.protocols.catalogue", lambda *_: offers | {"two": Verification})
    assert [known for known in protocols() if known is Claims] == [Claims]
    assert isinstance(open_protocol(tiny.write_faces(tmp_path / "faces")), Claims)


@pytest.mark.parametrize("protocol", protocols(), ids=lambda protocol: protocol.__name__)
def test_every_benchmark_says_what_it_looks_for(protocol):
    assert len((protocol.__doc__ or "").splitlines()[0]) > 20
