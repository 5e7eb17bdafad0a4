"""Whatever is asked for, nobody leaves the site after a login."""

from urllib.parse import urljoin, urlsplit

from hypothesis import example, given
from hypothesis import strategies as st

from exam_service.http.requests import local_path

SITE = "https://exam.example"
pieces = st.sampled_from(
    [
        "/",
        "//",
        "\\",
        "evil.example",
        "https:",
        "?",
        "#",
        "@",
        ":",
        "\t",
        "\n",
        "\r",
        " ",
        "%2f",
        "%5c",
        ".",
        "..",
    ]
)


def as_a_browser_reads_it(target: str) -> str:
    """The WHATWG URL standard: outer blanks and inner tabs and newlines go, backslashes are slashes."""
    stripped = target.strip("".join(map(chr, range(33))))
    return "".join(character for character in stripped if character not in "\t\n\r").replace("\\", "/")


@given(st.lists(pieces, max_size=8).map("".join) | st.text(max_size=30))
@example("/\t/evil.example")
@example("/\\evil.example")
def test_a_browser_that_follows_it_stays(target: str) -> None:
    followed = urljoin(SITE + "/login", as_a_browser_reads_it(local_path(target, "/home")))
    parts = urlsplit(followed)
    assert f"{parts.scheme}://{parts.netloc}" == SITE


@given(st.text(st.sampled_from("abc/?=&%.-_~查"), max_size=20))
def test_plain_paths_are_followed(path: str) -> None:
    own = "/a" + path
    assert local_path(own, "/home") == own
