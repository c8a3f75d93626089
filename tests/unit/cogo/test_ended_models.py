"""Models that ended after the packaged facts were checked, reported where people look."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from loguru import logger
from pydantic import SecretStr

from cogo.cli.local.up import print_stack
from cogo.config.catalogue import load_catalogue
from cogo.config.connection import Connection
from cogo.config.context import Project
from cogo.doctor.models import check_models
from cogo.process.agent import Role, serve_agent
from cogo.process.bootstrap import AgentBootstrap, AgentKind
from cogo.supervisor.stack import StackInfo

SENTENCE = "GPT-4 ended on 2026-10-23; GPT-6.1 Sol replaces it"
CONNECTION = Connection(
    url="http://127.0.0.1:1", secret_key=SecretStr("s"), publishable_key=None, is_embedded=False
)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Return a project whose catalogue was checked before GPT-4 ended."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("cogo.config.catalogue.CHECKED_ON", date(2026, 10, 22))
    return Project.find(tmp_path / "home")


@pytest.fixture
def warnings() -> Iterator[list[str]]:
    """Collect the warnings that are logged."""
    said: list[str] = []
    sink = logger.add(lambda message: said.append(message.record["message"]), level="WARNING")
    yield said
    logger.remove(sink)


def test_up_reports_ended_models(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    info = StackInfo(
        connection=CONNECTION,
        db_url=None,
        simulator_url=None,
        gateway_url=None,
        needs_key=True,
        console_url=None,
        pids={},
        health_urls={},
    )

    print_stack(project, info)

    assert SENTENCE in capsys.readouterr().out


async def test_doctor_reports_ended_models(project: Project) -> None:
    notes = []
    async for check in check_models(project):
        notes.append(check.detail)
        if SENTENCE in notes:
            break  # before anything is looked for on this machine

    assert notes[-1] == SENTENCE


@pytest.mark.parametrize(("kind", "tells"), [("orchestrator", True), ("executor", False)])
async def test_one_agent_of_a_system_reports_ended_models_when_it_starts(
    project: Project,
    monkeypatch: pytest.MonkeyPatch,
    warnings: list[str],
    kind: AgentKind,
    tells: bool,
) -> None:
    def refuse(connection: Connection) -> None:
        raise ConnectionRefusedError(connection.url)

    monkeypatch.setattr("cogo.process.agent.build_bus", refuse)  # the first step towards a server
    bootstrap = AgentBootstrap(connection=CONNECTION)
    role = Role(kind=kind, agent_id="a", capacity=1, health_port=None)

    with pytest.raises(ConnectionRefusedError):
        await serve_agent(project, load_catalogue(project), bootstrap, role, with_parent=False)

    assert (SENTENCE in warnings) is tells
