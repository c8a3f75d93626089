"""Requests as users send them, each with the kinds of work that an expert would accept.

`requests.jsonl` was written before anything was trained, `further.jsonl` afterwards, in other
languages and styles, and `independent.jsonl` by somebody who knew neither the classifier nor what
it learns from, as was `expert.jsonl`; nothing is trained on them. A line has `language`, `kinds`,
`prompt`, and where it matters `needs` (`image`, `web`), `code` (programming languages),
`performance`, `attachments`, `params`, and `pad`: so many characters of a document follow.
"""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from agents.orchestrator.tool_check import find_tool_needs
from agents.selection.choose import choose_model
from agents.selection.model_profiles import get_profile_cache
from agents.selection.request import SelectionRequest
from agents.selection.requirements import Requirements
from protocol.records.models import PolicyName
from providers.catalogue.catalogue import Catalogue

CATALOGUE = Catalogue.load()
SERVED = tuple(CATALOGUE.models)
LEAST = {"requests": 0.95, "further": 0.85, "independent": 0.85, "expert": 0.9}
"""Shares that must be right."""
DOCUMENT = {
    "en": "The committee met on Monday and discussed the budget for the coming year. ",
    "de": "Der Ausschuss tagte am Montag und beriet über den Haushalt des kommenden Jahres. ",
    "fr": "Le comité s'est réuni lundi et a discuté du budget de l'année à venir. ",
    "es": "El comité se reunió el lunes y discutió el presupuesto del próximo año. ",
    "zh": "委员会周一开会讨论了来年的预算。",
    "ja": "委員会は月曜日に開かれ、来年度の予算について話し合った。",
    "ar": "اجتمعت اللجنة يوم الاثنين وناقشت ميزانية العام المقبل. ",
    "ru": "Комитет собрался в понедельник и обсудил бюджет на будущий год. ",
    "it": "Il comitato si è riunito lunedì e ha discusso il bilancio del prossimo anno. ",
    "pt": "O comitê se reuniu na segunda-feira e discutiu o orçamento do próximo ano. ",
    "nl": "De commissie kwam maandag bijeen en besprak de begroting voor het komende jaar. ",
    "pl": "Komisja zebrała się w poniedziałek i omówiła budżet na przyszły rok. ",
    "tr": "Komite pazartesi günü toplandı ve gelecek yılın bütçesini görüştü. ",
    "hi": "समिति की बैठक सोमवार को हुई और आने वाले वर्ष के बजट पर चर्चा की गई। ",
    "ko": "위원회는 월요일에 모여 내년 예산을 논의했다. ",
}


def load(name: str) -> list[dict[str, Any]]:
    lines = (Path(__file__).parent / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


REQUESTS = load("requests")
FURTHER = load("further")


def read(request: dict[str, Any]) -> tuple[Requirements, str]:
    """Return the requirements of a request, and its whole prompt."""
    prompt, pad = request["prompt"], request.get("pad", 0)
    sentence = DOCUMENT[request["language"]]
    prompt += (sentence * (pad // len(sentence) + 1))[:pad]
    params = request.get("params", {}) | {
        name: request[name] for name in ("attachments",) if name in request
    }
    return Requirements.from_task("CHAT", prompt, params), prompt


def list_mistakes(requests: list[dict[str, Any]]) -> list[str]:
    mistakes = []
    for request in requests:
        needs, prompt = read(request)
        if needs.kind not in request["kinds"]:
            wanted = " or ".join(request["kinds"])
            mistakes.append(f"{request['language']}: {needs.kind}, not {wanted}: {prompt[:70]!r}")
    return mistakes


def test_the_lists_are_as_long_as_they_say() -> None:
    languages = Counter(each["language"] for each in REQUESTS)

    assert languages == dict.fromkeys(("en", "de", "fr", "es", "zh", "ja", "ar", "ru"), 25)
    assert len(FURTHER) == 100
    assert not languages.keys() & {each["language"] for each in FURTHER}


@pytest.mark.parametrize("name", LEAST)
def test_most_requests_are_of_a_kind_that_an_expert_accepts(name: str) -> None:
    requests = load(name)
    mistakes = list_mistakes(requests)

    assert len(mistakes) <= round((1 - LEAST[name]) * len(requests)), "\n".join(mistakes)


@pytest.mark.parametrize("language", sorted({each["language"] for each in REQUESTS}))
def test_no_language_of_the_first_list_is_much_worse(language: str) -> None:
    requests = [each for each in REQUESTS if each["language"] == language]
    mistakes = list_mistakes(requests)

    assert len(mistakes) <= 0.2 * len(requests), "\n".join(mistakes)


@pytest.mark.parametrize("policy", PolicyName)
def test_none_goes_to_a_model_that_cannot_do_it(policy: PolicyName) -> None:
    profiles = get_profile_cache(CATALOGUE)
    for request in REQUESTS + FURTHER:
        needs, prompt = read(request)
        tools = find_tool_needs(request.get("params", {}))
        if tools.calls:
            needs = needs.model_copy(update={"tool_calls": 1})
        choice = choose_model(
            SelectionRequest(
                needs=needs, policy=policy, prompt_characters=len(prompt), served=SERVED, seed="1"
            ),
            CATALOGUE,
        )
        chosen = profiles.get(choice.selected.model_id)
        said = f"{chosen.model_id}: {prompt[:70]!r}"
        if "image" in request.get("needs", ()):
            assert "image" in (chosen.inputs or ()), said
        if needs.web:
            assert any(host.web_search == "always" for host in chosen.hosts), said
        if needs.is_code:
            assert "code-generation" in chosen.capabilities, said
        if tools.calls:
            assert chosen.tools is not False, said
        assert chosen.context_window is None or chosen.context_window > len(prompt) / 3, said


def test_code_has_its_programming_language() -> None:
    requests = [each for each in REQUESTS + FURTHER if each.get("code")]
    found = [each for each in requests if read(each)[0].language in each["code"]]

    assert len(found) >= 0.8 * len(requests)


def test_code_that_must_be_fast_goes_to_the_coding_model() -> None:
    coding = get_profile_cache(CATALOGUE).resolve_role("coding")
    requests = [each for each in REQUESTS if each.get("performance")]
    needs = [read(each)[0] for each in requests]
    chosen = [
        choose_model(SelectionRequest(needs=each, served=SERVED), CATALOGUE).selected.model_id
        for each in needs
    ]

    assert len(requests) >= 8
    assert sum(each in coding for each in chosen) >= len(requests) - 1
    assert chosen[0] in coding, "Generate optimized sorting algorithm"
