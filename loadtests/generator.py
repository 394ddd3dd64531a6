"""`python -m loadtests.generator`: a process that puts load on a server with Locust, and nothing else.

    alone     master and worker in one process
    master    leads workers in processes of their own, here or on other machines
    worker    sends what a master gives it

What to do comes as one line of JSON on standard input, see `Task`. What happens goes out as lines of JSON.
It is a process of its own because importing Locust patches the sockets, threads and clocks of the process. The first
SIGTERM or SIGINT, or the end of standard input, ends the run before its time; what was had by then is kept.
"""

from locust.env import Environment  # noqa: I001  # first of all: it patches what everything below uses

import json
import signal
import sys
from pathlib import Path
from typing import Any

import gevent
from gevent.event import Event
from gevent.fileobject import FileObject
from locust import runners
from locust.argument_parser import get_empty_argument_parser, setup_parser_arguments
from locust.html import get_html_report
from locust.log import setup_logging
from locust.stats import stats_history

from loadtests.master import Master, NotPreparedError
from loadtests.senders import NAMES, SENDERS, OneOfEach, Sender
from loadtests.words import LOCUST_PAGE, Order, Task
from loadtests.worker import Worker

runners.HEARTBEAT_LIVENESS = 20
"""Seconds without a word after which Locust takes a worker for lost. Its own three are little where workers, a runtime
and its mock systems share two cores."""


def say(**words: Any) -> None:
    """One line for whoever started us."""
    sys.stdout.write(json.dumps(words) + "\n")
    sys.stdout.flush()


def main() -> int:
    """Do what standard input says; 0 when it was done, 1 when it could not begin."""
    asked = FileObject(sys.stdin.fileno(), "rb", close=False)
    task = Task(**json.loads(asked.readline()))
    setup_logging("WARNING")
    # Annotated as instances in Locust, which uses them as classes.
    classes: dict[str, Any] = {one.__name__: one for one in SENDERS}
    environment = Environment(
        user_classes=list(SENDERS),
        available_user_classes=classes,
        available_shape_classes={},
        available_user_tasks={one.__name__: list(one.tasks) for one in SENDERS},
        dispatcher_class=OneOfEach,
        locustfile="springtide load",
        parsed_options=_options(len(SENDERS)),
    )
    if task.role == "worker":
        return _work(environment, task)
    if task.role == "master":
        environment.create_master_runner(task.master_host, task.master_port)
    else:
        environment.create_local_runner()
        Sender.worker = Worker(environment, NAMES, task.maker)
    return _lead(environment, task, asked)


def _options(users: int) -> Any:
    """Locust's own options, at their defaults; its web page shows some of them."""
    parser = get_empty_argument_parser(default_config_files=[])
    setup_parser_arguments(parser)
    options = parser.parse([])
    options.num_users, options.spawn_rate, options.headless = users, users, True
    return options


def _work(environment: Environment, task: Task) -> int:
    gevent.signal_handler(signal.SIGINT, lambda: None)
    try:
        runner = environment.create_worker_runner(task.master_host, task.master_port)
    except OSError as fault:
        say(word="failed", why=f"no master at {task.master_host}:{task.master_port} ({fault})")
        return 1
    worker = Sender.worker = Worker(environment, NAMES, task.maker)
    gevent.signal_handler(signal.SIGTERM, runner.quit)
    say(word="connected")
    runner.greenlet.join()
    worker.close()
    return 0


def _lead(environment: Environment, task: Task, asked: FileObject) -> int:
    runner = environment.runner
    assert runner is not None, "it was made"
    order = Order(**task.order)
    environment.host = order.targets["runtime"]

    def start(workers: int) -> None:
        gevent.spawn(runner.start, len(SENDERS) * workers, 100 * workers)

    master = Master(environment, order, Path(task.folder), say, None if task.web_port else start)
    dismissed = Event()

    def end() -> None:
        dismissed.set()
        master.halt()

    for number in (signal.SIGTERM, signal.SIGINT):
        gevent.signal_handler(number, end)
    gevent.spawn(asked.read).link(lambda reader: end())
    gevent.spawn(stats_history, runner)
    if task.web_port:
        environment.create_web_ui(task.web_host, task.web_port, userclass_picker_is_active=True)
        say(word="web", url=f"http://{task.web_host}:{task.web_port}")
    try:
        figures = master.lead()
    except NotPreparedError as fault:
        say(word="failed", why=str(fault))
        runner.quit()
        return 1
    page = get_html_report(environment, show_download_link=False)
    (Path(task.folder) / LOCUST_PAGE).write_text(page, encoding="utf-8")
    master.write_outcomes(Path(task.scratch or task.folder))
    say(word="ended", interrupted=master.interrupted, figures=figures.model_dump(), cpu=master.cpu())
    if task.web_port:
        dismissed.wait()
    runner.quit()
    if task.role == "alone":
        Sender.worker.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
