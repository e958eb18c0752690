"""The studio page: python app.py [--share] [--host H] [--port P] [--auth U:P] [--checkpoint NAME]."""

import argparse
import os
import sys
import tempfile
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser(description="Open the studio page in a browser.")
    parser.add_argument("--share", action="store_true", help="also make a public link, for up to a week")
    parser.add_argument("--host", help="address to listen on; 0.0.0.0: reachable from other machines")
    parser.add_argument("--port", type=int, help="default: the first free one from 7860 on")
    parser.add_argument("--auth", metavar="USER:PASSWORD", help="let in only who knows these")
    parser.add_argument("--checkpoint", default="emoji", help="folder in checkpoints/, or any other folder")
    parser.add_argument("--lang", choices=("en", "zh"), help="the page's language; default: the browser's")
    options = parser.parse_args()
    if options.auth and not all(options.auth.partition(":")):
        parser.error(f"--auth takes USER:PASSWORD; got {options.auth!r}")
    with tempfile.TemporaryDirectory(prefix="dalle-", ignore_cleanup_errors=True) as private:
        os.environ |= {"GRADIO_ANALYTICS_ENABLED": "False", "GRADIO_TEMP_DIR": private}
        try:
            serve(options)
        except (ValueError, OSError) as error:  # no such checkpoint, a port that is taken
            sys.exit(f"app.py: {error}")


def serve(options: argparse.Namespace) -> None:
    from dalle.studio import Studio
    from dalle.ui.page import build, launch  # imports gradio, which reads the environment

    named = Path(__file__).parent / "checkpoints" / options.checkpoint
    studio = Studio(named if named.is_dir() else Path(options.checkpoint))
    auth = tuple(options.auth.split(":", 1)) if options.auth else None
    page = build(studio, options.lang)
    launch(page, share=options.share, server_name=options.host, server_port=options.port, auth=auth)


if __name__ == "__main__":
    main()
