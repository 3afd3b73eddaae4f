"""Where the components' style sheets and scripts lie, and how scripts reach the browser. Start at script.

Streamlit sends a component's script within every message that draws it: the live chart's 44 kB once a second. So
``clps dashboard`` serves scripts under an address made of their content (``routes``), which a page asks for once, and
the message holds a few lines that load it. Without those routes (``streamlit run``, tests of single pages) messages
hold the script itself.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

__all__ = ["asset", "later", "routes", "script"]

FOLDER = Path(__file__).parents[1]
ADDRESS = "_clps/scripts"
LASTING = {"cache-control": "public, max-age=31536000, immutable"}

LOADER = """// Loads the script from where all pages share it; a server that starts again gets some time.
const load = async (tries) => {
  try {
    return await import(new URL("ADDRESS/NAME.js?" + tries, document.baseURI));
  } catch (error) {
    if (tries === 5) throw error;
    await new Promise((done) => setTimeout(done, 400 * 2 ** tries));
    return load(tries + 1);
  }
};
const { default: draw } = await load(0);
export default draw;
"""

_served: dict[str, str] | None = None
"""Name (a hash of the text) -> text, or ``None`` where no route serves scripts."""


def asset(name: str) -> str:
    """The text of the file ``name`` below ``app/``: ``chart/draw.js`` lies beside the Python file it belongs to."""
    return (FOLDER / name).read_text(encoding="utf-8")


def script(*names: str) -> str:
    """The files ``names`` as one module, for a component's ``js``; the last has the default export."""
    text = "".join(map(asset, names))
    if _served is None:
        return text
    return LOADER.replace("ADDRESS", ADDRESS).replace("NAME", _serve_as(text))


def _serve_as(text: str) -> str:
    """The name under which ``text`` is served from now on."""
    assert _served is not None
    name = hashlib.sha256(text.encode()).hexdigest()[:32]
    _served[name] = text
    return name


def later(first: str, *names: str) -> str:
    """``first`` as a module in which ``LATER`` is a promise of the module ``names``, loaded when it is asked for."""
    text = "".join(map(asset, names))
    if _served is None:
        exported = ", ".join(re.findall(r"^export (?:async )?function (\w+)", text, re.MULTILINE))
        return asset(first).replace("LATER", f"Promise.resolve({{ {exported} }})") + text
    return asset(first).replace("LATER", f'import(new URL("{ADDRESS}/{_serve_as(text)}.js", document.baseURI))')


def routes(base: str = "") -> list[Route]:
    """Routes for the server's application, which must have them from now on. ``base``: the path it lies under."""
    global _served
    _served = {} if _served is None else _served
    under = f"/{base.strip('/')}" if base.strip("/") else ""
    return [Route(f"{under}/{ADDRESS}/{{name}}.js", _serve, methods=["GET"])]


async def _serve(request: Request) -> Response:
    text = (_served or {}).get(request.path_params["name"])
    if text is None:
        return Response("There is nothing here.", 404)
    return Response(text, media_type="text/javascript", headers=LASTING)
