"""The server's routes: sending a bundle, asking what became of it, health; everything else is the built site."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

from fastapi import Depends, FastAPI, HTTPException, Request, Response
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from fastapi.staticfiles import StaticFiles
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.routing import Match

from introbench import __version__
from introbench.errors import DiskError
from introbench.metrics.frozen import Frozen
from introbench_leaderboard.send import ROUTE
from introbench_leaderboard.server import uploads
from introbench_leaderboard.server.receive import Received, discard, refuse_by_header, to_disk
from introbench_leaderboard.server.settings import Settings
from introbench_leaderboard.server.tokens import Token, token_of
from introbench_leaderboard.server.uploads import Upload
from introbench_leaderboard.server.worker import Worker

__all__ = ["HEALTH", "OPENAPI", "make_app"]

HEALTH, OPENAPI = "/api/health", "/api/openapi.json"

_BYTES = {"type": "string", "format": "binary", "minLength": 1}
_BUNDLE = {"requestBody": {"required": True, "content": {"application/gzip": {"schema": _BYTES}}}}
_FOLLOWED = {"follow": {"operationId": "status", "parameters": {"upload": "$response.body#/id"}}}
_bearer = HTTPBearer(auto_error=False, description="A token of `introbench leaderboard token new`.")


def _only(
    request: Request, sent: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> HTTPAuthorizationCredentials | None:
    """What was sent as the token. Of two, a proxy may have looked at the other one: neither is taken."""
    return sent if len(request.headers.getlist("authorization")) == 1 else None


_Sent = Annotated[HTTPAuthorizationCredentials | None, Depends(_only)]

_Replies = dict[int | str, dict[str, Any]]


class Problem(Frozen):
    """Why a request was not answered."""

    detail: str
    """In words."""


class Receipt(Frozen):
    """What is said of a bundle that was received."""

    id: str
    """Of the upload."""
    state: uploads.State
    """What became of it so far."""
    status: str
    """Address, below the server's, that says what becomes of it."""


class Health(Frozen):
    """How the server is."""

    status: str
    """ok, or what is wrong."""
    version: str
    """Of introbench."""
    uploads: dict[str, int]
    """Number of uploads by state."""


_UNKNOWN: _Replies = {401: {"model": Problem}}
_SENT: _Replies = {
    **{code: {"model": Problem} for code in (400, 401, 408, 413, 415, 429, 503, 507)},
    200: {"model": Receipt, "description": "It was sent before", "links": _FOLLOWED},
    202: {"description": "It is going to be checked", "links": _FOLLOWED},
}


def make_app(engine: Engine, settings: Settings) -> FastAPI:
    """The application: it checks uploads from its start to its end."""
    worker = Worker(engine, settings)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        worker.start()
        yield
        await run_in_threadpool(worker.stop)

    app = FastAPI(
        title="introbench leaderboard",
        version=__version__,
        lifespan=lifespan,
        openapi_url=OPENAPI,
        # Their pages load scripts from elsewhere.
        docs_url=None,
        redoc_url=None,
    )
    _add_problems(app)
    _add_submissions(app, engine, settings, worker)
    _add_health(app, engine, worker)
    app.mount("/", StaticFiles(directory=settings.site, html=True, check_dir=False), name="site")
    return app


def _add_submissions(app: FastAPI, engine: Engine, settings: Settings, worker: Worker) -> None:
    @app.post(ROUTE, status_code=202, openapi_extra=_BUNDLE, responses=_SENT)
    async def submit(request: Request, response: Response, sent: _Sent) -> Receipt:
        """Send a bundle. The same one again is the same upload (200), and is checked again only if it was rejected."""
        try:
            refuse_by_header(request)
            token = await run_in_threadpool(_sender, engine, sent)
            if await run_in_threadpool(uploads.waiting_of, engine, token.id) >= settings.open_per_token:
                raise HTTPException(429, f"{settings.open_per_token} uploads of this token wait; try again later")
        except HTTPException:
            await discard(request, settings)
            raise
        received = await to_disk(request, worker.incoming, settings)
        upload, needed = await run_in_threadpool(_kept, engine, token, received)
        worker.wake()
        response.status_code = 202 if needed else 200
        return Receipt(id=upload.id, state=upload.state, status=f"{ROUTE}/{upload.id}")

    @app.get(ROUTE, responses=_UNKNOWN)
    def listing(sent: _Sent) -> list[Upload]:
        """The last uploads of the token, newest first."""
        return uploads.uploads_of(engine, _sender(engine, sent).id)

    @app.get(ROUTE + "/{upload}", operation_id="status", responses={**_UNKNOWN, 404: {"model": Problem}})
    def status(upload: str, sent: _Sent) -> Upload:
        """What became of an upload of the token."""
        found = uploads.upload_of(engine, _sender(engine, sent).id, upload) if upload.isalnum() else None
        if found is None:
            raise HTTPException(404, "is no upload of this token")
        return found


def _add_health(app: FastAPI, engine: Engine, worker: Worker) -> None:
    @app.get(HEALTH, responses={503: {"model": Problem}})
    def health() -> Health:
        """Whether uploads are taken and checked, and how many there are."""
        found = uploads.counts(engine)
        if not worker.alive():
            raise HTTPException(503, "uploads are no longer checked; start the server again")
        return Health(status="ok", version=__version__, uploads=found)


def _add_problems(app: FastAPI) -> None:
    @app.exception_handler(SQLAlchemyError)
    async def no_database(_: Request, error: SQLAlchemyError) -> JSONResponse:
        return JSONResponse({"detail": "the database cannot be reached; try again later"}, 503)

    @app.exception_handler(DiskError)
    async def no_disk(_: Request, error: DiskError) -> JSONResponse:
        return JSONResponse({"detail": "the disk takes nothing; try again later"}, 507)

    @app.exception_handler(405)
    async def other_method(request: Request, error: HTTPException) -> JSONResponse:
        # Addresses of the site end below those of the API, where only what can be read is known.
        methods = {
            method
            for route in app.routes
            if isinstance(route, APIRoute) and route.matches(request.scope)[0] is not Match.NONE
            for method in route.methods or ()
        }
        return JSONResponse(
            {"detail": "does not take this method"}, 405, {"Allow": ", ".join(sorted(methods or {"GET", "HEAD"}))}
        )

    @app.middleware("http")
    async def guarded(request: Request, call_next) -> Response:  # type: ignore[no-untyped-def]
        response: Response = await call_next(request)
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response


def _sender(engine: Engine, sent: HTTPAuthorizationCredentials | None) -> Token:
    found = token_of(engine, sent.credentials) if sent else None
    if found is None:
        raise HTTPException(401, "needs a token that is known here and valid", {"WWW-Authenticate": "Bearer"})
    return found


def _kept(engine: Engine, token: Token, received: Received) -> tuple[Upload, bool]:
    """Write a body down as an upload; its file goes where it is not needed."""
    needed = False
    try:
        upload, needed = uploads.put(engine, token.id, received.sha256, received.size, received.file.name)
    finally:
        if not needed:
            received.file.unlink(missing_ok=True)
    return upload, needed
