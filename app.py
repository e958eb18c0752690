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
    parser.add_argument(
        "--train",
        action=argparse.BooleanOptionalAction,
        help="let visitors train; default: not where the page is shared, or open to others without --auth",
    )
    parser.add_argument("--runs", type=Path, help="folder of the training runs; default: runs/taught")
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
    from dalle import runtime
    from dalle.serving.studio import Studio
    from dalle.ui.page import build, launch  # imports gradio, which reads the environment

    runtime.use_one_thread()  # the studio's own thread takes the others
    named = Path(__file__).parent / "checkpoints" / options.checkpoint
    studio = Studio(named if named.is_dir() else Path(options.checkpoint))
    auth = tuple(options.auth.split(":", 1)) if options.auth else None
    served = {"share": options.share, "server_name": options.host, "server_port": options.port, "auth": auth}
    here = is_local(options.host) and not options.share
    safe = here or bool(auth and not options.share)
    if not (safe if options.train is None else options.train):
        launch(build(studio, options.lang), **served)
        return

    from dalle.serving.training_limits import HOSTED_LIMITS, Limits
    from dalle.serving.training_service import RUNS_FOLDER, TrainingService

    limits = Limits() if here else HOSTED_LIMITS
    with TrainingService(
        options.runs or Path(__file__).parent / RUNS_FOLDER, limits, shared=not here
    ) as training:
        page = build(studio, options.lang, training)
        launch(page, max_file_size=limits.source_bytes, **served)


def is_local(host: str | None) -> bool:
    """Whether an address to listen on can be reached from this machine alone; None: Gradio's default."""
    return (host or os.environ.get("GRADIO_SERVER_NAME", "127.0.0.1")) in ("127.0.0.1", "localhost", "::1")


if __name__ == "__main__":
    main()
