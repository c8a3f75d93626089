"""Chat templates, which are searched and never rendered."""

import time

import pytest

from providers.adapters.local.templates import find_family, find_prefix, mentions_tools

QWEN_3 = """
{%- if tools %}<tool_call>{"name": <function-name>}</tool_call>{%- endif %}
{%- for message in messages %}
    {{- '<|im_start|>' + message.role + '\\n<think>\\n' + message.reasoning_content }}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
    {%- if enable_thinking is defined and enable_thinking is false %}
        {{- '<think>\\n\\n</think>\\n\\n' }}
    {%- endif %}
{%- endif %}"""
QWEN_3_5 = """
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
    {%- if enable_thinking is defined and enable_thinking is false %}
        {{- '<think>\\n\\n</think>\\n\\n' }}
    {%- else %}
        {{- '<think>\\n' }}
    {%- endif %}
{%- endif %}"""
QWEN_3_THINKING = (
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n<think>\\n' }}{%- endif %}"
)
R1 = (
    "{{bos_token}}{{'<｜tool▁calls▁begin｜>'}}"
    "{% if add_generation_prompt and not ns.is_tool %}{{'<｜Assistant｜><think>\\n'}}{% endif %}"
)
DEEPSEEK_3_1 = (
    "{% if add_generation_prompt %}{{'<｜Assistant｜>'}}"
    "{%- if not thinking %}{{'</think>'}}{%- else %}{{'<think>'}}{%- endif %}{% endif %}"
)
SMOLLM = (
    "{% for message in messages %}{{'<|im_start|>' + message['content']}}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
BETWEEN_TAGS = "{%- if add_generation_prompt -%}\n<|im_start|>assistant\n<think>\n{%- endif -%}"
GO_QWQ = """{{- range $i, $_ := .Messages }}{{- if eq .Role "assistant" }}<|im_start|>assistant
{{ if .Content }}{{ .Content }}{{ end }}{{ end }}
{{- if and (ne .Role "assistant") $last }}<|im_start|>assistant
<think>
{{ end }}{{ end }}"""
GO_HISTORY = (
    "{{ if .Thinking }}<|im_start|>assistant\n<think>{{ .Thinking }}</think>{{ end }}"
    "<|im_start|>assistant\n"
)


@pytest.mark.parametrize(
    ("template", "prefix"),
    [
        pytest.param(QWEN_3, "", id="only if reasoning is switched off"),
        pytest.param(QWEN_3_5, "<think>\n", id="unless reasoning is switched off"),
        pytest.param(QWEN_3_THINKING, "<think>\n", id="always"),
        pytest.param(R1, "<think>\n", id="with another condition"),
        pytest.param(DEEPSEEK_3_1, "", id="a condition that is not clear"),
        pytest.param(SMOLLM, "", id="no reasoning"),
        pytest.param(BETWEEN_TAGS, "<think>\n", id="text between tags"),
        pytest.param(GO_QWQ, "<think>\n", id="Go"),
        pytest.param(GO_HISTORY, "", id="Go, earlier reasoning alone"),
        pytest.param(
            "{% if add_generation_prompt %}{{'<think>\x00'}}{% endif %}", "", id="no text of rows"
        ),
        pytest.param(
            "{% if add_generation_prompt %}{{'<think>\ud800'}}{% endif %}", "", id="no text at all"
        ),
        pytest.param("", "", id="nothing"),
        pytest.param("{% if add_generation_prompt", "", id="cut off"),
        pytest.param(
            "{% add_generation_prompt %}{% endif %}{% else %}<think>", "", id="unbalanced"
        ),
    ],
)
def test_a_prefix_is_what_the_template_writes_when_nothing_is_set(
    template: str, prefix: str
) -> None:
    assert find_prefix(template) == prefix


@pytest.mark.parametrize(
    ("template", "name", "family"),
    [
        (QWEN_3, "custom", "qwen"),
        (QWEN_3, "Hermes-3-Llama-3.1-8B", "hermes"),
        (R1, "DeepSeek-R1-Distill-Qwen-7B", "deepseek"),
        ("{{ '<tool_call>\\n<function=' }}", "custom", "qwen"),
        ("<|tool_call>call:x{}<tool_call|>", "custom", "gemma"),
        ("[TOOL_CALLS] [{{ tool }}]", "custom", "mistral"),
        ("<|start_header_id|>", "custom", "llama"),
        ("<arg_key>", "custom", "glm"),
        (SMOLLM, "SmolLM2-135M-Instruct.Q4_1", "smollm"),
        (SMOLLM, "something", "auto"),
        ("", "llama3.1:8b", "llama"),
        ("", "deepseek-coder:6.7b", "deepseek-coder"),
        ("", "phi4", "phi"),
        ("", "philosopher-7b", "auto"),
        ("", "LFM2-1.2B", "lfm2"),
    ],
)
def test_the_family_is_that_of_the_template_then_that_of_the_name(
    template: str, name: str, family: str
) -> None:
    assert find_family(template, name) == family


def test_tools_are_mentioned_in_both_languages() -> None:
    assert mentions_tools("{%- if tools %}x{% endif %}")
    assert mentions_tools("{{- if .Tools }}x{{ end }}")
    assert not mentions_tools(SMOLLM)


@pytest.mark.parametrize(
    "hostile",
    [
        "{{" * 100_000,
        "{%" * 100_000,
        "{% if add_generation_prompt %}" + "{{ '" * 60_000,
        "{% if add_generation_prompt %}" + "{% if x is not defined or x %}" * 7_000,
        "{% if add_generation_prompt %}" + "{{ '\\" * 50_000,
        "<think>{{ end " * 20_000,
        "{% if add_generation_prompt %}{{ '" + "\\'" * 100_000 + "}}",
        "{% if add_generation_prompt %}{{ '" + "\\\n" * 100_000 + "}}",
    ],
)
def test_a_hostile_template_is_searched_in_linear_time(hostile: str) -> None:
    began = time.process_time()

    find_prefix(hostile * 20)
    find_family(hostile * 20, hostile[:4_096])

    assert time.process_time() - began < 2  # a quadratic search would take minutes


def test_a_template_that_many_models_share_is_searched_once() -> None:
    shared = "{% if add_generation_prompt %}" + "{% if x %}a{% endif %}" * 9_000
    began = time.process_time()

    for number in range(500):
        find_prefix(shared)
        find_family(shared, f"model-{number}")

    assert time.process_time() - began < 2
