"""The command line. Verbs import what they need when they run, so that ``--help`` answers at once."""

import sys

import typer

from ..errors import Stopped, UserError
from . import (
    alignment,
    bench,
    check,
    compare,
    data,
    evaluation,
    export,
    inspection,
    plan,
    push,
    recipes,
    report,
    serve,
    store,
    training,
    verify,
)

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Distil Transformer face recognisers into small CNNs and prove that the knowledge arrived.",
)
for verb in (training.train, training.distill, evaluation.evaluate, evaluation.embed, training.demo):
    app.command()(verb)
app.command()(training.replay)
app.command()(plan.plan)
app.command()(check.check)
app.command()(compare.compare)
app.command()(report.report)
app.command()(push.push)
app.command()(alignment.align)
app.command()(export.export)
app.command()(verify.calibrate)
app.command()(verify.verify)
app.command()(serve.serve)
app.command()(inspection.inspect)
app.command("list")(recipes.list_)
app.add_typer(recipes.config_app, name="config")
app.add_typer(data.data_app, name="data")
app.add_typer(bench.bench_app, name="bench")
app.add_typer(store.store_app, name="store")


def main() -> None:
    """Run the command line; what the user can fix is one sentence on stderr."""
    try:
        app()
    except Stopped as stopped:
        print(stopped, file=sys.stderr)
        raise SystemExit(stopped.exit_code) from None
    except UserError as error:
        print(f"Error: {error}", file=sys.stderr)
        raise SystemExit(error.exit_code) from None
    except OSError as error:  # a full disk, a folder that is not ours to write
        print(f"Error: {error.filename or 'A file'}: {error.strerror or error}.", file=sys.stderr)
        raise SystemExit(1) from None
