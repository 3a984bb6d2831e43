"""The embedded scheduler's HTTP interface: exactly the answers of the real one."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from html import escape

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from ecommerce_core.sandbox.scheduler import TIME_FORMAT, Scheduler, Task, TaskRefused
from ecommerce_core.sandbox.web import html_error, json_answer, peer_app

Endpoint = Callable[[Request], Awaitable[Response]]

_TABLE = """\
<table id="schedule_table" class="table table-striped w-100 p-0 m-0">
    <thead class="thead-dark w-100 m-0">
    <tr>
        <th scope="col">Name</th>
        <th scope="col">Source</th>
        <th scope="col">Target</th>
        <th scope="col">Schedule time</th>
        <th scope="col">Reccurrence</th>
        <th scope="col">Actions</th>
    </tr>
    </thead>
    <tbody>
    {rows}
    </tbody>
</table>"""
_ROW = """
        <tr>
            
                <th scope="row">{name}</th>
            
            <td>{source}</td>
            <td>{target}</td>
            <td>{time}</td>
            <td>{recurrence}</td>
            <td>
                <button type="button" class="ml-2 btn btn-warning" \
onclick="delete_schedule('{name}','{source}')">Delete task</button>
                <button type="button" class="ml-2 btn btn-danger" \
onclick="delete_source('{source}')">Delete app's tasks</button>
            </td>
        </tr>
    """  # noqa: W293 - the real page is as untidy


def scheduler_app(scheduler: Scheduler) -> Starlette:
    """Return the application that serves ``scheduler``."""
    return peer_app(
        [
            Route("/clock/info", _clock_info(scheduler)),
            Route("/clock/time", _clock_time(scheduler)),
            Route("/clock/pause", _command(scheduler.pause), methods=["POST"]),
            Route("/clock/resume", _command(scheduler.resume), methods=["POST"]),
            Route("/clock/switch", _command(scheduler.switch), methods=["POST"]),
            Route("/clock/speed", _clock_speed(scheduler), methods=["GET", "POST"]),
            Route("/reset", _command(scheduler.reset), methods=["POST"]),
            Route("/schedule/list", _list(scheduler)),
            Route("/schedule/json", _json(scheduler)),
            Route("/schedule/size", _size(scheduler)),
            Route("/schedule/add", _add(scheduler), methods=["POST"]),
            Route("/schedule/delete", _delete(scheduler, "name", "source"), methods=["POST"]),
            Route("/app/delete", _delete(scheduler, "source"), methods=["POST"]),
        ]
    )


def _clock_info(scheduler: Scheduler) -> Endpoint:
    async def clock_info(request: Request) -> Response:
        now, speed, paused = scheduler.info()
        return json_answer([now.strftime(TIME_FORMAT), _shown(speed), paused])

    return clock_info


def _shown(speed: float) -> float:
    return int(speed) if float(speed).is_integer() else speed


def _clock_time(scheduler: Scheduler) -> Endpoint:
    async def clock_time(request: Request) -> Response:
        return json_answer(scheduler.now().strftime(TIME_FORMAT))

    return clock_time


def _clock_speed(scheduler: Scheduler) -> Endpoint:
    async def clock_speed(request: Request) -> Response:
        if request.method != "POST":
            return json_answer(_shown(scheduler.info()[1]))
        try:
            speed = float(request.query_params["new"])
        except KeyError:
            return html_error(422, "new is missing")
        except ValueError:
            return html_error(500, "Internal Server Error")
        scheduler.set_speed(speed)
        return json_answer("OK")

    return clock_speed


def _command(command: Callable[[], None]) -> Endpoint:
    async def run_command(request: Request) -> Response:
        command()
        return json_answer("OK")

    return run_command


def _list(scheduler: Scheduler) -> Endpoint:
    async def schedule_list(request: Request) -> Response:
        page = _TABLE.format(rows="".join(_row(task) for task in scheduler.tasks()))
        return HTMLResponse(page.encode("utf-8", "replace"))

    return schedule_list


def _row(task: Task) -> str:
    return _ROW.format(
        name=escape(str(task.name)),
        source=escape(str(task.source_app)),
        target=escape(f"{task.target_app}{task.target_url}"),
        time=task.time,
        recurrence=task.recurrence,
    )


def _json(scheduler: Scheduler) -> Endpoint:
    async def schedule_json(request: Request) -> Response:
        # The last field, bypass_kong, says whether a task bypasses the gateway: none does.
        return json_answer(
            [
                [
                    task.time.strftime(TIME_FORMAT),
                    task.target_url,
                    task.target_app,
                    task.recurrence,
                    task.data,
                    task.name,
                    task.source_app,
                    False,
                ]
                for task in scheduler.tasks()
            ]
        )

    return schedule_json


def _size(scheduler: Scheduler) -> Endpoint:
    async def schedule_size(request: Request) -> Response:
        return json_answer(str(len(scheduler.tasks())))

    return schedule_size


def _add(scheduler: Scheduler) -> Endpoint:
    async def schedule_add(request: Request) -> Response:
        try:
            fields = json.loads(await request.body())
        except (ValueError, RecursionError):
            return html_error(422, "The body is no JSON")
        if not isinstance(fields, dict):
            return html_error(422, "The body is no JSON object")
        try:
            scheduler.add(fields)
        except TaskRefused as refusal:
            return html_error(422, str(refusal))
        except TypeError:
            return html_error(500, "Internal Server Error")
        return json_answer("Task has been scheduled")

    return schedule_add


def _delete(scheduler: Scheduler, *arguments: str) -> Endpoint:
    async def delete(request: Request) -> Response:
        for argument in arguments:
            if argument not in request.query_params:
                return html_error(422, f"{argument} is missing")
        scheduler.delete(**{argument: request.query_params[argument] for argument in arguments})
        return json_answer("OK")

    return delete
