"""The way to a model that sees, for the owner: what there is, one button, progress; or a server's address."""

import asyncio
from dataclasses import asdict
from typing import Any

from aiohttp import web

from agent import models
from agent.models import Offer
from bot.platforms.web.desk import Desk
from bot.platforms.web.guard import is_loopback
from bot.platforms.web.needs import BringsModels
from bot.platforms.web.uploads import read_body
from bot.platforms.web.wire import NAME, Refused, ServerBody, checked


class Shop:
    """Only the owner of the machine is offered anything; to others the list is empty."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/api/models", self.models),
            web.post("/api/models/{name}", self.bring),
            web.post("/api/server", self.connect),
        ]

    async def models(self, request: web.Request) -> web.Response:
        supply = self._supply(request)
        if supply is None:
            return web.json_response({"mine": False, "offers": [], "obstacle": "", "progress": None})
        progress = await asyncio.to_thread(supply.progress)
        return web.json_response(
            {
                "mine": True,
                "offers": [_offer_json(one) for one in models.OFFERS],
                "obstacle": supply.obstacle(),
                "progress": asdict(progress),
            }
        )

    async def bring(self, request: web.Request) -> web.Response:
        supply = self._mine(request)
        name = checked(NAME, request.match_info["name"])
        if name not in {one.name for one in models.OFFERS}:
            raise Refused(404, "there is no such model")
        supply.begin(name)
        return web.json_response({"name": name}, status=202)

    async def connect(self, request: web.Request) -> web.Response:
        supply = self._mine(request)
        body, _ = await read_body(request, ServerBody, self._desk.intake, self._desk.limits)
        supply.connect(body.address, body.model, body.key)
        return web.json_response({"name": body.address}, status=202)

    def _mine(self, request: web.Request) -> BringsModels:
        supply = self._supply(request)
        if supply is None:
            raise Refused(403, "only the owner of this machine changes the model")
        return supply

    def _supply(self, request: web.Request) -> BringsModels | None:
        """None for whoever comes by a name that a proxy serves ([bot.web] allowed_hosts): that may be anybody."""
        host = request.headers.get("Host", "")
        name = host.rpartition(":")[0] or host
        return self._desk.supply if self._desk.people.alone and is_loopback(name) else None


def _offer_json(one: Offer) -> dict[str, Any]:
    """Sizes in gigabytes."""
    return {k: getattr(one, k) for k in ("name", "title", "size", "memory", "licence")}
