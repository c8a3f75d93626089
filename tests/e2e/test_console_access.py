"""The console of a gateway that needs a key, and its budgets, in a real browser."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver import Chrome, Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.support.expected_conditions import staleness_of

from cogo.config.local_gateway import create_sign_in_link
from gateway.auth.keys import generate_key, hash_key
from protocol.records import NewApiKey, NewTask
from protocol.transport.supabase_store import SupabaseStore
from tests.e2e.console import SECONDS, ask, complaints, says, text
from tests.support.accounts import PASSWORD, an_email, connected
from tests.support.eventually import eventually
from tests.support.servers.command_line import environment
from tests.support.servers.system import STATE, System

pytestmark = pytest.mark.e2e


@dataclass(frozen=True)
class Locked:
    """A gateway that requires a key."""

    url: str
    key: str
    key_id: str


@pytest.fixture(scope="module")
def locked_url(system: System) -> Iterator[str]:
    """Run one beside that of the system, which takes requests without a key."""
    state = str(system.home / STATE)
    command = [sys.executable, "-P", "-m", "cogo", "serve", "gateway", "--dir", state]
    process = subprocess.Popen(
        command,
        env=environment(system.home) | {"COGO_LINK_SECRET": "0123456789abcdef0123456789abcdef"},
        cwd=system.home,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())["url"]
    finally:
        process.terminate()
        process.communicate()


@pytest.fixture
def locked(system: System, locked_url: str) -> Iterator[Locked]:
    """Make a key of this test."""
    made = system.cogo("keys", "create", "--name", "console", "--scope", "admin", "--json")
    key = json.loads(made.stdout)
    yield Locked(url=locked_url, key=key["key"], key_id=key["id"])
    system.cogo("keys", "revoke", key["id"])


def is_asking(page: Chrome) -> bool:
    try:
        return any(each.is_displayed() for each in page.find_elements(By.ID, "key-dialog"))
    except StaleElementReferenceException:
        return False


async def choose(page: Chrome, label: str) -> None:
    """Press a button of the dialog, and wait for the page that comes then."""
    dialog = page.find_element(By.ID, "key-dialog")
    dialog.find_element(By.XPATH, f".//button[.='{label}']").send_keys(Keys.ENTER)
    await eventually(lambda: staleness_of(dialog)(page), within=SECONDS)


async def give(page: Chrome, key: str) -> None:
    await eventually(lambda: is_asking(page), within=SECONDS)
    page.find_element(By.ID, "key").send_keys(key)
    await choose(page, "Use it")


async def test_the_console_asks_for_a_key_and_keeps_it_in_this_tab_only(
    chromium: Chrome, locked: Locked
) -> None:
    page = chromium
    page.get(f"{locked.url}/")
    await give(page, "cogo_wrong_key")
    await give(page, locked.key)  # it asked again
    await eventually(says(page, "#link", "live"), within=SECONDS)
    ask(page, "Say hello")
    await eventually(says(page, ".detail header .status", "completed"), within=SECONDS)

    page.refresh()
    await eventually(says(page, "#link", "live"), within=SECONDS)
    assert not is_asking(page)
    assert locked.key not in page.current_url + page.page_source
    assert locked.key not in page.execute_script("return JSON.stringify(localStorage)")
    assert page.execute_script("return document.cookie") == ""

    page.find_element(By.ID, "key-button").send_keys(Keys.ENTER)
    await choose(page, "Forget it")
    await eventually(lambda: is_asking(page), within=SECONDS)
    assert page.execute_script("return sessionStorage.length") == 0


async def test_a_user_signs_in_with_a_code_from_an_e_mail(
    chromium: Chrome, locked: Locked, system: System
) -> None:
    page, email = chromium, an_email()
    page.get("about:blank")
    page.get(f"{locked.url}/")
    page.execute_script("sessionStorage.clear()")
    page.refresh()
    await eventually(lambda: is_asking(page), within=SECONDS)
    async with connected(system.state.url, system.state.secret_key) as client:
        user = {"email": email, "email_confirm": True}
        await client.auth.admin.create_user(user)  # type: ignore[arg-type]
        page.find_element(By.ID, "email").send_keys(email)
        page.find_element(By.ID, "send-code").send_keys(Keys.ENTER)
        await eventually(says(page, "#key-why", "a code is on its way"), within=SECONDS)
        link = await client.auth.admin.generate_link({"type": "magiclink", "email": email})
    assert page.switch_to.active_element.get_attribute("id") == "code"
    assert not page.find_element(By.ID, "password").is_displayed()
    page.find_element(By.ID, "code").send_keys("000", Keys.ENTER)
    await eventually(says(page, "#key-why", "the code is wrong"), within=SECONDS)
    page.find_element(By.ID, "code").clear()
    page.find_element(By.ID, "code").send_keys(f" {link.properties.email_otp}", Keys.ENTER)

    await eventually(says(page, "#key-button", email), within=SECONDS)
    assert not is_asking(page)


async def test_a_user_of_the_project_signs_in_and_out(
    chromium: Chrome, locked: Locked, system: System
) -> None:
    page, email = chromium, an_email()
    async with connected(system.state.url, system.state.secret_key) as client:
        user = {"email": email, "password": PASSWORD, "email_confirm": True}
        await client.auth.admin.create_user(user)  # type: ignore[arg-type]
    page.get("about:blank")
    page.get(f"{locked.url}/")
    page.execute_script("sessionStorage.clear()")
    page.refresh()
    await eventually(lambda: is_asking(page), within=SECONDS)
    page.find_element(By.ID, "email").send_keys(email)
    page.find_element(By.ID, "password").send_keys("wrong", Keys.ENTER)
    await eventually(says(page, "#key-why", "the password is wrong"), within=SECONDS)
    field = page.find_element(By.ID, "password")
    field.clear()
    field.send_keys(PASSWORD, Keys.ENTER)
    await eventually(says(page, "#key-button", email), within=SECONDS)
    await eventually(says(page, "#link", "live"), within=SECONDS)
    assert not is_asking(page)
    assert PASSWORD not in page.execute_script("return JSON.stringify(sessionStorage)")

    # The access token is about to expire: the next request renews it first.
    old = page.execute_script(
        "const user = JSON.parse(sessionStorage.getItem('cogo-user'));"
        "sessionStorage.setItem('cogo-user', JSON.stringify({ ...user, until: Date.now() }));"
        "return user.next"
    )
    await eventually(
        lambda: page.execute_script("return JSON.parse(sessionStorage['cogo-user']).next") != old,
        within=SECONDS,
    )
    page.find_element(By.ID, "key-button").send_keys(Keys.ENTER)
    await choose(page, "Sign out")
    await eventually(lambda: is_asking(page), within=SECONDS)
    assert page.execute_script("return sessionStorage.length") == 0


async def test_an_address_of_the_console_lets_a_browser_in_once_and_then_says_what_to_do(
    chromium: Chrome, locked: Locked, store: SupabaseStore
) -> None:
    page = chromium
    address = await create_sign_in_link(store, locked.url)
    page.get(address)
    await eventually(says(page, "#link", "live"), within=SECONDS)
    assert not is_asking(page)
    assert "token" not in page.current_url

    page.execute_script("sessionStorage.clear()")
    page.get("about:blank")
    page.get(address)
    await eventually(lambda: is_asking(page), within=SECONDS)
    await eventually(says(page, "#key-why", "was already used"), within=SECONDS)
    assert "cogo console" in text(page, "#key-why")

    page.get(await create_sign_in_link(store, locked.url))  # in the tab that asks
    await eventually(says(page, "#link", "live"), within=SECONDS)
    assert not is_asking(page)
    assert "token" not in page.current_url


async def test_a_page_whose_key_is_revoked_says_so_and_asks_for_another(
    chromium: Chrome, locked: Locked, system: System
) -> None:
    page = chromium
    page.get("about:blank")
    page.get(f"{locked.url}/")
    await give(page, locked.key)
    await eventually(says(page, "#link", "live"), within=SECONDS)
    page.get(f"{locked.url}/#/keys")
    await eventually(says(page, ".operate th", "this session"), within=SECONDS)
    [own] = page.find_elements(By.XPATH, "//tr[contains(., 'this session')]")
    assert locked.key_id in own.text
    own.find_element(By.XPATH, ".//button[.='Revoke']").send_keys(Keys.ENTER)
    await eventually(
        says(page, "dialog.change .will-do", "the key of this session"), within=SECONDS
    )
    system.cogo("keys", "revoke", locked.key_id)
    await eventually(lambda: is_asking(page), within=SECONDS)
    assert "revoked" in text(page, "#key-why")


async def make_users_key(store: SupabaseStore, owner: UUID) -> str:
    key_id, key = generate_key()
    new = NewApiKey(
        id=key_id,
        hash=hash_key(key),
        name="user",
        scopes=["tasks:read", "tasks:write", "models:read"],
        owner=owner,
    )
    await store.create_api_key(new)
    return key


async def test_a_user_answers_their_own_questions_and_an_operator_passes_on_the_others(
    chromium: Chrome, locked: Locked, store: SupabaseStore
) -> None:
    page, alice = chromium, uuid4()
    params = {"tools": ["cogo:ask_person"]}
    for who, question in ((alice, "Mine?"), (uuid4(), "Theirs?")):
        prompt = f'ask_person {{"question": "{question}"}}'
        await store.submit_task(NewTask(prompt=prompt, type="CHAT", params=params, owner=who))
    page.get("about:blank")
    page.get(f"{locked.url}/#/inbox")
    page.execute_script("sessionStorage.clear()")
    page.refresh()
    await give(page, await make_users_key(store, alice))
    page.get(f"{locked.url}/#/")
    await eventually(says(page, "#tasks .status.waiting", "asks you"), within=SECONDS)
    page.get(f"{locked.url}/#/inbox")
    await eventually(says(page, "#approvals .question", "Mine?"), within=SECONDS)
    assert text(page, "#inbox-count") == "1 open"
    buttons = page.find_elements(By.CSS_SELECTOR, "#approvals button")
    assert [each.text for each in buttons if each.is_displayed()] == ["Yes", "No", "Send answer"]
    buttons[0].send_keys(Keys.ENTER)
    said = f"Answered by the user {str(alice)[:8]}: yes"
    await eventually(says(page, "#approvals .answer", said), within=SECONDS)
    assert "in the console" in text(page, "#approvals .answer")

    page.execute_script("sessionStorage.clear()")
    page.refresh()
    await give(page, locked.key)
    await eventually(says(page, "#approvals .question", "Theirs?"), within=SECONDS)
    link = page.find_element(By.XPATH, "//*[@id='approvals']//button[.='Copy link']")
    await eventually(link.is_displayed, within=SECONDS)
    link.send_keys(Keys.ENTER)
    await eventually(says(page, ".made-link", "It expires in"), within=SECONDS)
    page.get(page.find_element(By.CSS_SELECTOR, ".made-link input").get_property("value"))  # type: ignore[arg-type]
    assert text(page, "h1") == "Theirs?"


async def test_a_user_sees_their_own_caps_and_models_without_controls(
    chromium: Chrome, locked: Locked, store: SupabaseStore
) -> None:
    page, alice = chromium, uuid4()
    await store.set_budget(scope="owner", key=str(alice), per="day", limit_usd=Decimal(3))
    try:
        page.get("about:blank")
        page.get(f"{locked.url}/#/limits")
        page.execute_script("sessionStorage.clear()")
        page.refresh()
        await give(page, await make_users_key(store, alice))
        await eventually(says(page, "[aria-label=Caps]", "$3.00"), within=SECONDS)
        complaints(page)  # those of the time without a key
        tabs = {
            str(each.get_attribute("data-tab")): each.is_displayed()
            for each in page.find_elements(By.CSS_SELECTOR, "nav a[data-tab]")
        }
        assert (tabs["operate"], tabs["limits"], tabs["models"]) == (False, True, True)
        assert page.find_elements(By.CSS_SELECTOR, ".operate .buttons, .spending") == []
        assert text(page, ".tabs") == "LimitsProjects"

        page.get(f"{locked.url}/#/models")
        await eventually(says(page, ".operate table", "claude-sonnet-5-5"), within=SECONDS)
        assert page.find_elements(By.CSS_SELECTOR, ".operate .buttons") == []
        page.get(f"{locked.url}/#/queue")
        await eventually(says(page, "#detail", "not shown to you"), within=SECONDS)
        assert complaints(page) == []
    finally:
        await store.remove_budget(scope="owner", key=str(alice), per="day")
        page.execute_script("sessionStorage.clear()")
        page.get("about:blank")


async def test_the_spending_of_each_cap_is_shown(
    chromium: Chrome, system: System, store: SupabaseStore
) -> None:
    page = chromium
    await store.set_budget(
        scope="total", key=None, per="ever", limit_usd=Decimal(500), allow_unpriced=True
    )
    try:
        page.get(f"{system.up.answer['gateway_url']}/#/limits")
        await eventually(says(page, "[aria-label=Caps]", "$500.00"), within=SECONDS)
        assert "everything" in text(page, "[aria-label=Caps]")
        meter = page.find_element(By.CSS_SELECTOR, "[aria-label=Caps] meter")
        assert (meter.get_attribute("max"), meter.accessible_name) == (
            "500",
            "Spent of the cap of everything",
        )
    finally:
        await store.remove_budget(scope="total", key=None, per="ever")
    await eventually(says(page, ".operate", "There are no caps"), within=SECONDS)
