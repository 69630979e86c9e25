"""Django under ASGI: async and plain views, its resolver's routes, and its end, which it doesn't announce itself."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest

pytest.importorskip("django")

from django.core.exceptions import PermissionDenied
from django.http import HttpResponse, JsonResponse, StreamingHttpResponse
from django.urls import include, path, re_path

from bh_lib.emitters import AuditConfig, AuditLogger, MemorySink
from bh_lib.emitters.asgi import AuditMiddleware

SECRET = "ann-example-19900102"


async def note(request, note_id):
    request.scope["bh_audit"].add(purpose_of_use="TREAT", resource={"type": "Note", "id": "n-1"})
    return HttpResponse("ok")


def plain(request, note_id, tenant=None):
    return JsonResponse({})


def refused(request, name):
    raise PermissionDenied(f"about {name}")


async def raises(request, name):
    raise LookupError(f"about {name}")


async def stream(request):
    async def parts():
        for _ in range(3):
            yield b"x"

    return StreamingHttpResponse(parts())


def status(request, code):
    return HttpResponse(status=code)


@pytest.fixture(scope="module")
def django_app():
    urls = ModuleType("bh_lib_tests_django_urls")
    urls.urlpatterns = [
        path("notes/<str:note_id>/", note),
        path("api/<slug:tenant>/", include([path("plain/<int:note_id>", plain)])),
        path("refused/<str:name>", refused),
        path("raises/<str:name>", raises),
        path("stream", stream),
        path("status/<int:code>", status),
        re_path(r"^years/(?P<year>[0-9]{4})/$", lambda request, year: plain(request, year)),
    ]
    sys.modules[urls.__name__] = urls
    from django.conf import settings  # a lazy object: doctest collection would open it

    if not settings.configured:
        settings.configure(
            DEBUG=False, SECRET_KEY="test", ROOT_URLCONF=urls.__name__, ALLOWED_HOSTS=["*"], DATABASES={}, LOGGING_CONFIG=None
        )
    import django
    from django.core.asgi import get_asgi_application

    django.setup(set_prefix=False)
    return get_asgi_application()


@pytest.mark.parametrize(
    ("target", "template", "outcome"),
    [
        (f"/notes/{SECRET}/", "/notes/<str:note_id>/", ("SUCCESS", None)),
        ("/api/north/plain/7", "/api/<slug:tenant>/plain/<int:note_id>", ("SUCCESS", None)),
        (f"/refused/{SECRET}", "/refused/<str:name>", ("DENIED", "Forbidden")),
        (f"/raises/{SECRET}", "/raises/<str:name>", ("FAILURE", "HTTP500")),
        ("/stream", "/stream", ("SUCCESS", None)),
        ("/years/2026/", "/years/<year>/", ("SUCCESS", None)),
        *[
            (f"/status/{code}", "/status/<int:code>", ("DENIED", kind))
            for code, kind in [(401, "Unauthenticated"), (403, "Forbidden")]
        ],
        (f"/{SECRET}", "(unmatched)", ("FAILURE", "HTTP404")),
    ],
)
def test_a_request_over_a_socket_is_one_event_under_its_template(django_app, audit, last, served, target, template, outcome):
    httpx = pytest.importorskip("httpx")
    with served(AuditMiddleware(django_app, audit=audit)) as server:
        httpx.get(server.url + target)
    assert len(audit.sink.lines) == 1
    assert last()["http"]["route_template"] == template
    assert (last()["outcome"]["status"], last()["outcome"].get("error_type")) == outcome
    assert SECRET not in str(last())


def test_the_end_of_the_server_drains_though_django_knows_no_lifespan(django_app, served):
    httpx = pytest.importorskip("httpx")
    sink = MemorySink()
    audit = AuditLogger(AuditConfig(service="s", delivery="queued", on_failure="drop"), sink=sink)
    drained = []
    real = audit.drain
    audit.drain = lambda: drained.append(real())
    with served(AuditMiddleware(django_app, audit=audit), lifespan="on") as server:
        for _ in range(20):
            httpx.get(f"{server.url}/stream")
    assert (drained, len(sink.lines)) == ([True], 20)
