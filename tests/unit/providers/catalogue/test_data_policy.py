from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from providers.catalogue.addresses import find_other_host
from providers.catalogue.catalogue import Catalogue
from providers.catalogue.data_policy import (
    RULES,
    find_chat_objection,
    find_deployment_objection,
    find_model_objection,
    find_objection,
    find_sending_objection,
    parse_rules,
)
from providers.catalogue.deployment import Credential, Deployment
from providers.catalogue.open_models import OpenModel
from providers.catalogue.schema import DataPolicy, Provider
from providers.router import Router

SIGNED = DataPolicy(
    regions=("de", "fr"), retention_days=0, trains_on_data=False, agreements=("hipaa",)
)


def a_host(policy: DataPolicy | None = None, *, local: bool = False) -> Provider:
    return Provider(
        id="acme",
        name="Acme",
        adapter="openai_compatible",
        base_url="http://127.0.0.1:1/v1" if local else "https://acme.example/v1",
        local=local,
        data_policy=policy or DataPolicy(),
    )


@pytest.mark.parametrize("rule", ["no-training", "eu", "region:us", "hipaa", "local-only"])
def test_an_unknown_policy_is_not_eligible(rule: str) -> None:
    assert find_objection((rule,), a_host()) is not None
    assert find_objection((rule,), None) is not None


@pytest.mark.parametrize(
    ("rules", "policy", "local", "may"),
    [
        (("no-training",), SIGNED, False, True),
        (("no-training",), DataPolicy(trains_on_data=True), False, False),
        (("eu",), SIGNED, False, True),
        (("eu",), DataPolicy(regions=("de", "us")), False, False),
        (("eu",), DataPolicy(regions=()), False, False),
        (("region:us",), DataPolicy(regions=("US",)), False, True),
        (("region:us",), SIGNED, False, False),
        (("hipaa",), SIGNED, False, True),
        (("hipaa",), DataPolicy(offers=("hipaa",)), False, False),
        (("eu", "hipaa", "no-training"), SIGNED, False, True),
        (("eu", "local-only"), SIGNED, False, False),
        (("local-only", "no-training", "hipaa"), None, True, True),
        (("eu",), None, True, False),
        ((), None, False, True),
    ],
)
def test_all_rules_must_hold(
    rules: tuple[str, ...], policy: DataPolicy | None, local: bool, may: bool
) -> None:
    assert (find_objection(rules, a_host(policy, local=local)) is None) is may


def test_an_objection_names_the_rule_and_what_would_help() -> None:
    reason = find_objection(("hipaa",), a_host(DataPolicy(offers=("hipaa",))))

    assert reason is not None
    assert "hipaa" in reason
    assert "providers.acme.data_policy.agreements" in reason


@pytest.mark.parametrize(
    ("given", "rules"),
    [
        ("any", ()),
        ("EU", ("eu",)),
        (["eu", "no-training", "eu"], ("eu", "no-training")),
        ("region:eu-west-1", ("region:eu-west-1",)),
        ([], ()),
    ],
)
def test_rules_are_read_alone_and_as_a_list(given: object, rules: tuple[str, ...]) -> None:
    assert parse_rules(given) == rules


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ("gdpr", "'gdpr'"),
        ("region:", "'region:'"),
        ("", "''"),
        (None, "'None'"),
        (3, "'3'"),
        (["eu", "none"], "'none'"),
        ([["eu"]], "\"['eu']\""),
    ],
)
def test_a_rule_that_does_not_exist_is_answered_with_those_that_do(
    given: object, named: str
) -> None:
    with pytest.raises(ValueError, match="not a data policy") as refused:
        parse_rules(given)

    assert str(refused.value).startswith(f"{named} is not a data policy")
    assert all(rule in str(refused.value) for rule in RULES)


def test_a_model_is_eligible_if_one_of_its_providers_may_get_the_prompt() -> None:
    unknown, known = a_host(), a_host(SIGNED)

    assert find_model_objection(("eu",), [unknown, known]) is None
    assert find_model_objection(("eu",), [unknown]) is not None
    assert find_model_objection(("eu",), []) is not None
    assert find_model_objection((), []) is None


def deployments(credentials: dict[str, Credential], model_id: str) -> list[Deployment]:
    return Router(Catalogue.load(), credentials).list_deployments(model_id)


def test_only_deployments_that_keep_the_rule_remain() -> None:
    key = Credential(key=SecretStr("k"))
    places = deployments({"anthropic": key, "openrouter": key}, "claude-sonnet-5-5")

    allowed = [
        place.provider
        for place in places
        if find_deployment_objection(("no-training",), place) is None
    ]

    assert [place.provider for place in places] == ["anthropic", "openrouter"]
    assert allowed == ["anthropic"]


def test_facts_do_not_count_for_another_address() -> None:
    proxied = Credential(key=SecretStr("k"), base_url="https://proxy.example/v1")
    [place] = deployments({"anthropic": proxied}, "claude-sonnet-5-5")

    assert find_deployment_objection((), place) is None
    assert "another address" in (find_deployment_objection(("no-training",), place) or "")


def test_a_local_server_elsewhere_is_not_local() -> None:
    remote = Credential(base_url="http://10.0.0.7:11434/v1")
    here = Credential(base_url="http://127.0.0.1:5000/v1")
    [far] = deployments({"ollama": remote}, "ollama/llama")
    [near] = deployments({"ollama": here}, "ollama/llama")

    assert find_deployment_objection(("local-only",), far) is not None
    assert find_deployment_objection(("local-only",), near) is None


@pytest.mark.parametrize("rule", ["local-only", "no-training", "hipaa"])
def test_ollama_that_has_not_said_whether_it_passes_prompts_on_is_no_promise(rule: str) -> None:
    [silent] = deployments({"ollama": Credential(base_url="http://127.0.0.1:5/v1")}, "ollama/m")
    listed = OpenModel(lane="ollama/m", own_id="m")

    for each in (silent, silent.with_probed(listed)):
        assert "has not said whether it passes" in (find_chat_objection((rule,), each) or "")
        assert find_deployment_objection((rule,), each) is None  # as of models that embed
    assert "has not said" in (find_model_objection((rule,), [silent.host], listed) or "")
    known = replace(listed, is_remote=False)
    assert find_model_objection((rule,), [silent.host], known) is None
    assert find_chat_objection((rule,), silent.with_probed(known)) is None
    assert find_chat_objection((), silent) is None


@pytest.mark.parametrize("rule", ["local-only", "no-training", "hipaa"])
def test_a_server_elsewhere_is_refused_by_name_wherever_a_model_is_chosen(rule: str) -> None:
    [vllm] = deployments({"vllm": Credential(base_url="http://10.0.0.7:8000/v1")}, "vllm/m")
    far = OpenModel(lane="vllm/m", own_id="m", is_elsewhere=True)

    chosen = find_model_objection((rule,), [vllm.host], far)

    assert chosen == find_chat_objection((rule,), vllm)
    assert chosen == f"the data policy is {rule}, and vLLM is not on this machine"
    assert find_model_objection((rule,), [vllm.host], replace(far, is_elsewhere=False)) is None


def test_an_operator_adds_single_facts(tmp_path: Path) -> None:
    overlay = tmp_path / "cogo.toml"
    overlay.write_text('[providers.anthropic]\ndata_policy = { agreements = ["hipaa"] }\n')

    facts = Catalogue.load(overlay).providers["anthropic"].data_policy

    assert facts.agreements == ("hipaa",)
    assert facts.trains_on_data is False


def test_every_declared_fact_has_a_source() -> None:
    for provider in Catalogue.load().providers.values():
        facts = provider.data_policy
        assert facts == DataPolicy() or (facts.source or "").startswith("https://"), provider.id


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("http://localhost:8080/mcp", None),
        ("http://127.0.0.7/mcp", None),
        ("http://[::1]:9/mcp", None),
        ("https://example.com/mcp", "example.com"),
        ("http://192.168.1.2/mcp", "192.168.1.2"),
        ("http://localhost.example.com/", "localhost.example.com"),
        ("http://127.0.0.1@example.com/", "example.com"),
        ("http://[::1", "http://[::1"),
        ("nonsense", "nonsense"),
        ("", ""),
    ],
)
def test_only_loopback_is_this_machine(url: str, host: str | None) -> None:
    assert find_other_host(url) == host


def test_only_local_only_forbids_to_send_elsewhere() -> None:
    assert find_sending_objection(["eu", "local-only"], "example.com") == (
        "the data policy is local-only, and it sends what it gets to example.com"
    )
    assert find_sending_objection(["eu"], "example.com") is None
    assert find_sending_objection(["local-only"], None) is None
