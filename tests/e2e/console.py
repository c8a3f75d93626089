"""The console's page, as tests read it and type into it."""

from collections.abc import Callable

from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver import Chrome, Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.select import Select
from selenium.webdriver.support.wait import WebDriverWait

SECONDS = 30.0


def text(page: Chrome, selector: str) -> str:
    """Return the text of an element, empty when there is none."""
    try:
        found = page.find_elements(By.CSS_SELECTOR, selector)
        return "\n".join(each.get_property("textContent") or "" for each in found)  # type: ignore[misc]
    except StaleElementReferenceException:
        return ""


def says(page: Chrome, selector: str, wanted: str) -> Callable[[], bool]:
    """Ask whether it can be read there."""
    return lambda: wanted in text(page, selector)


_CLEAR = """
const [done] = arguments;
import("/console/vendor/preact.js").then(({ render }) => {
  render(null, document.getElementById("detail"));
  done();
});
"""


def clear_page(page: Chrome) -> None:
    """End the page that is shown, so that a test can put something in its place."""
    page.execute_async_script(_CLEAR)


def open_form(page: Chrome) -> None:
    """Open the form for a new task."""
    page.find_element(By.CSS_SELECTOR, "a[data-tab=ask]").send_keys(Keys.ENTER)
    WebDriverWait(page, SECONDS).until(lambda _: page.find_elements(By.ID, "prompt"))


def ask(page: Chrome, prompt: str, *, label: str = "Chat") -> None:
    """Type a wish and send it, by default as a task that one call of a model answers."""
    open_form(page)
    Select(page.find_element(By.ID, "type")).select_by_visible_text(label)
    field = page.find_element(By.ID, "prompt")
    field.send_keys(prompt)
    field.send_keys(Keys.CONTROL, Keys.ENTER)


def complaints(page: Chrome) -> list[str]:
    """Return the errors of the page, without lost connections."""
    found = [str(each["message"]) for each in page.get_log("browser")]  # type: ignore[no-untyped-call]
    return [each for each in found if "net::ERR_" not in each]


def retype(field: WebElement, typed: str) -> None:
    """Type over what a field holds, as people do; no page hears of WebDriver's clear()."""
    field.send_keys(Keys.CONTROL, "a")
    field.send_keys(Keys.DELETE, typed)
