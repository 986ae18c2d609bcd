"""A page from its template, which extends ``layout.html``; everything is escaped but pictures of our own making."""

import base64

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined


def render(package: str, template: str, **values: object) -> str:
    """One HTML file.

    Args:
        package: where the template lies.
        values: what it shows.
    """
    return templates(package).get_template(template).render(**values)


def templates(package: str, *, escaped: bool = True) -> Environment:
    """The templates in a package, and the layout; what is no HTML is not escaped."""
    return Environment(
        loader=ChoiceLoader([PackageLoader(package, "."), PackageLoader(__package__, ".")]),
        autoescape=escaped,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def data_uri(image: bytes, kind: str) -> str:
    """An image as the address of itself; ``kind`` is png or jpeg."""
    return f"data:image/{kind};base64,{base64.b64encode(image).decode()}"
