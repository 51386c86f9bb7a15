"""Chat templates as they come: with and without a system role, strict about turns, and hostile."""

import pytest

from agent.engine.template import ChatTemplate, TemplateError

SYSTEM_REFUSED = (
    "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('System role not supported') }}"
    "{% endif %}{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('must alternate') }}{% endif %}<{{ m.role }}>{{ m.content | trim }}{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)
SYSTEM_IGNORED = "{% for m in messages if m.role != 'system' %}[{{ m.role }}]{{ m.content }}{% endfor %}"
PARTS_ONLY = (
    "{% for m in messages %}{{ m.role }}:{% for p in m.content %}{% if p.type == 'text' %}{{ p.text }}"
    "{% endif %}{% endfor %};{% endfor %}"
)


def test_the_default_is_chatml() -> None:
    text = ChatTemplate("").render([("system", "S"), ("user", "U")])
    assert text == "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\nU<|im_end|>\n<|im_start|>assistant\n"


def test_a_refused_system_role_is_folded_into_the_user_turn() -> None:
    assert ChatTemplate(SYSTEM_REFUSED).render([("system", "S"), ("user", "U")]) == "<user>S\n\nU<assistant>"


def test_an_ignored_system_role_is_noticed_and_folded() -> None:
    assert ChatTemplate(SYSTEM_IGNORED).render([("system", "S"), ("user", "U")]) == "[user]S\n\nU"


def test_neighbours_of_one_role_are_joined_where_turns_must_alternate() -> None:
    said = [("user", "a"), ("user", "b"), ("assistant", "c"), ("user", "d")]
    assert ChatTemplate(SYSTEM_REFUSED).render(said) == "<user>a\n\nb<assistant>c<user>d<assistant>"


def test_a_greeting_may_come_first() -> None:
    said = [("system", "S"), ("assistant", "Greetings."), ("user", "Hi")]
    text = ChatTemplate(SYSTEM_REFUSED).render(said)
    assert text.startswith("<user>")
    assert text.index("Greetings.") < text.index("S\n\nHi")


def test_content_as_parts_where_plain_text_gets_lost() -> None:
    assert ChatTemplate(PARTS_ONLY).render([("system", "S"), ("user", "U")]) == "system:S;user:U;"


@pytest.mark.parametrize(
    "source",
    [
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ messages.append(1) }}",
        "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
        "{% for i in range(10**9) %}x{% endfor %}",
        "{{ 1 / 0 }}",
        "{{ raise_exception('no') }}",
    ],
)
def test_a_hostile_template_is_an_error(source: str) -> None:
    with pytest.raises(TemplateError):
        ChatTemplate(source).render([("user", "U")])


def test_a_broken_template_is_an_error() -> None:
    with pytest.raises(TemplateError):
        ChatTemplate("{% for %}")


def test_generation_tags_change_nothing() -> None:
    source = "{% for m in messages %}{% generation %}{{ m.content }}{% endgeneration %}{% endfor %}"
    assert ChatTemplate(source).render([("user", "U")]) == "U"


@pytest.mark.parametrize(
    "source",
    [
        "{% if tools | length > 0 %}T{% endif %}{{ messages[0].content }}",
        "{% for t in tools %}T{% endfor %}{{ messages[0].content }}",
        "{% if tools is not none %}T{% endif %}{{ messages[0].content }}",
        "{{ messages[0].content | tojson(ensure_ascii=False) | replace('\"', '') }}",
        "{{ messages[0].content | tojson(indent=2, sort_keys=true) | replace('\"', '') }}",
    ],
)
def test_templates_that_ask_for_tools_or_json_are_served(source: str) -> None:
    assert ChatTemplate(source).render([("user", "größer 大")]) == "größer 大"


def test_what_a_template_writes_before_the_reply_is_told() -> None:
    thinks = ChatTemplate("{% for m in messages %}{{ m.content }}{% endfor %}<assistant><think>")
    assert thinks.end().endswith("<think>")
    assert ChatTemplate("").end().endswith("assistant\n")
    assert ChatTemplate("{{ raise_exception('no') }}").end() == ""
