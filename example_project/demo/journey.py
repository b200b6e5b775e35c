"""The journey: customers and a guest, a payment provider and somebody behind the counter, all through real HTTP."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from bookshop import payments
from bookshop.management.commands.load_catalogue import SURVEYS
from bookshop.readers import BOOK_CLUB, FAVOURITE

from demo.browser import TIMEOUT_SECONDS, Browser, HellotextJs
from demo.direct import session_for
from demo.hellotext_side import HellotextSide
from demo.pages import PageError
from demo.shop_side import STAFF_NAME, STAFF_PASSWORD, ShopSide
from demo.story import Customer, Expected, Story

SHORT_LINK = "/?hello_session={session}&utm_source=hellotext&utm_medium=sms&utm_campaign=autumn-reading"
ADDRESS = {"street": "Lamp Lane 4", "postcode": "10115", "city": "Berlin", "country": "Germany"}
ABANDONED_SECONDS = 20.0  # until the job has found a cart that was left
ADMIN_LOGIN = "/admin/login/?next=/admin/bookshop/order/"


class Shopper:
    """A customer with a browser; each step is taken, told, and says what must arrive."""

    def __init__(
        self, customer: Customer, browser: Browser, *, story: Story, shop: ShopSide, session: str = ""
    ) -> None:
        self.customer = customer
        self._browser = browser
        self._story = story
        self._shop = shop
        self._link_session = session
        self._prices: dict[str, Decimal] = {}
        self._in_cart: dict[str, int] = {}
        self._percent = 0
        self._filled_at = datetime.now(UTC)
        self._known = False
        self._owner: Shopper | None = None  # of the session, where it is somebody else
        self.order_number = ""

    def arrive(self) -> None:
        """Come in: by a short link when there is a session for it, else just so."""
        if self._link_session:
            self._browser.go(SHORT_LINK.format(session=self._link_session))
            self._tell("follows a short link into the shop")
        else:
            self._browser.go("/")
            self._tell("comes in")
        self._browser.allow_cookies()
        self._tell("allows cookies")

    def comes_and_refuses_cookies(self, slug: str) -> str:
        """Follow a short link, say no, and look at a book all the same; answers the session that nobody may see."""
        self._browser.go(SHORT_LINK.format(session=self._link_session))
        self._browser.refuse_cookies()
        self._tell("follows a short link into the shop, and refuses cookies")
        self._browser.go(f"/books/{slug}/")
        self._tell("looks at a book; that is nobody's business")
        return self._link_session

    def look_at(self, slug: str) -> None:
        """Open the page of a book."""
        began = datetime.now(UTC)
        page = self._browser.go(f"/books/{slug}/")
        self._prices[slug] = page.price()
        title = page.find(r"<h1>([^<]+)</h1>")
        self._expect(
            f"looks at {title}",
            "product.viewed",
            "product",
            page.sku(),
            began=began,
            worth=self._prices[slug],
            by_browser=True,
        )

    def add(self, slug: str, *, quantity: int, edition: str = "") -> None:
        """Put copies of the book on this page into the cart, or of another edition of it."""
        sku, article = "", slug
        if edition:
            sku, price = self._browser.page.edition(edition)
            article, self._prices[sku] = sku, price
        began = datetime.now(UTC)
        self._browser.send(f"/cart/add/{slug}/", quantity=str(quantity), edition=sku)
        self._filled_at = began
        self._in_cart[article] = self._in_cart.get(article, 0) + quantity
        copies = f"{quantity} copies" if quantity > 1 else f"the {edition.lower()}" if edition else "it"
        self._expect(f"puts {copies} into the cart", "cart.added", "cart", "", began=began)

    def take_out(self, slug: str) -> None:
        """Take a book out of the cart again."""
        began = datetime.now(UTC)
        page = self._browser.send(f"/cart/remove/{slug}/")
        del self._in_cart[slug]
        title = page.find(r"“([^”]+)” is no longer in your cart")
        self._expect(f"takes {title} out again", "cart.removed", "cart", "", began=began)

    def register(self, *, favourite: str = "", joins_book_club: bool = False) -> None:
        """Make an account, which also logs in; maybe say what one likes to read, and join the book club."""
        self._browser.go("/account/register/")
        password = secrets.token_urlsafe(12)
        club = {"book_club": "on"} if joins_book_club else {}
        began = datetime.now(UTC)
        self._browser.send(
            "",
            first_name=self.customer.first_name,
            last_name=self.customer.last_name,
            email=self.customer.email,
            password1=password,
            password2=password,
            favourite=favourite,
            **club,
        )
        self._known = True
        self._story.tell(self.customer.first_name, "makes an account", profile_of=self.customer).at = began
        if joins_book_club:
            self._expect("joins the book club", "book_club.joined", "", "", began=began)

    def is_in_the_book_club_and_likes(self, favourite: str, *, hellotext: HellotextSide) -> None:
        """Find the list of the book club and the favourite category on the profile at Hellotext."""
        profile = hellotext.profile(self._shop.profile_of(self.customer.email))
        likes = [entry["value"] for entry in profile["properties"] if entry["name"] == FAVOURITE]
        lists = [entry["name"] for entry in profile["lists"]]
        if likes != [favourite] or lists != [BOOK_CLUB]:
            raise PageError(f"At Hellotext {self.customer.first_name} likes {likes} and is on the lists {lists}.")

    def gets_the_app(self) -> None:
        """Take an app from the page of the account."""
        page = self._browser.go("/account/")
        name = page.find(r'action="/account/apps/[^<]*<[^<]*<p><strong>([^<]+)<')
        began = datetime.now(UTC)
        self._browser.send(page.find(r'action="(/account/apps/[0-9]+/)"'))
        self._expect(f"gets {name}", "app.installed", "app", name, began=began)

    def answers_the_survey(self, text: str) -> None:
        """Fill in the form on the page of the account."""
        page = self._browser.go("/account/")
        began = datetime.now(UTC)
        self._browser.send(page.find(r'action="(/account/surveys/[0-9]+/)"'), text=text)
        [survey] = SURVEYS
        self._expect("answers what the shop asks", "form.completed", "form", survey, began=began)

    def leaves_the_cart(self) -> None:
        """Stay away for so long that the periodic job calls the cart abandoned."""
        if not self._shop.has_abandoned_carts(seconds=ABANDONED_SECONDS):
            raise PageError(f"The cart that {self.customer.first_name} has left was not found.")
        what = f"finds that {self.customer.first_name} has left a cart"
        self._expect(what, "cart.abandoned", "cart", "", began=self._filled_at, who="The periodic job")

    def log_out(self) -> None:
        """Leave the account; what Hellotext.js knows of the customer is to be forgotten on the next page."""
        page = self._browser.send("/account/logout/")
        if "hellotext_forget" not in self._browser.cookies:
            raise PageError(f"{page.url} came without the word to forget the customer.")
        self._story.tell(self.customer.first_name, "logs out")

    def sits_down_at_the_browser_of(self, other: Shopper) -> None:
        """Go on in the browser that somebody else has used, with the session that is theirs."""
        self._browser = other._browser
        self._browser.go("/")
        self._owner = other
        # What Hellotext.forget() does at a logout: it clears who the visitor was, and keeps the session. So what the
        # next one's browser sends by itself arrives at the first one's profile, here as in any shop.
        name = other.customer.first_name
        self._tell(f"sits down at the browser of {name}; its session stays that of {name}, also after a logout")

    def follows_the_link_of(self, other: Shopper) -> None:
        """Open the short link that was meant for somebody else."""
        self._browser.go(SHORT_LINK.format(session=other._link_session))
        self._owner = other
        name = other.customer.first_name
        self._tell(f"opens the short link that {name} has forwarded, and so comes with the session of {name}")

    def check_out(self, *, coupon: str = "") -> None:
        """Buy what is in the cart, as a customer when there is an account, else as a guest."""
        self._browser.go("/checkout/")
        began = datetime.now(UTC)
        page = self._browser.send(
            "",
            first_name=self.customer.first_name,
            last_name=self.customer.last_name,
            email=self.customer.email,
            delivery="deliver",
            coupon=coupon,
            **ADDRESS,
        )
        self.order_number = page.order_number()
        as_guest = "" if self._known else ", as a guest"
        self._known = True
        self._percent = self._shop.percent_of(coupon) if coupon else 0
        self._expect_of_order(f"places order {self.order_number}{as_guest}", "order.placed", began=began)
        if coupon:
            self._expect(f"redeems {coupon}", "coupon.redeemed", "coupon", coupon, began=began)
        self._name_the_cart()

    def sees(self, text: str) -> None:
        """Open the order's page again, and find ``text`` there."""
        page = self._browser.go(self._browser.page.url)
        if text not in page.text:
            raise PageError(f"{page.url} does not say {text!r}.")

    def paid(self, *, began: datetime, ended: datetime) -> None:
        """Take note that the provider has confirmed the payment."""
        what = f"confirms by webhook that {self.order_number} is paid"
        self._expect_of_order(what, "order.confirmed", began=began, ended=ended, who="The payment provider")

    def moved(self, status: str, *, began: datetime) -> None:
        """Take note that staff have moved the order on."""
        self._expect_of_order(f"mark {self.order_number} as {status}", f"order.{status}", began=began, who="Staff")

    def refunded(self, number: str, amount: Decimal, action: str, *, began: datetime) -> None:
        """Take note of a refund; staff made it, and it goes with the session of the order all the same."""
        what = "request a refund for" if action == "refund.requested" else "pay back money for"
        what = f"{what} {self.order_number}"
        self._expect(what, action, "refund", number, began=began, who="Staff", amount=amount)

    def _name_the_cart(self) -> None:
        reference = self._shop.cart_of(self.order_number)
        for expected in self._story.expected:
            if expected.customer == self.customer and expected.kind == "cart":
                expected.reference = reference

    def _tell(self, what: str) -> None:
        self._story.tell(self.customer.first_name, what)

    def _expect_of_order(
        self, what: str, action: str, *, began: datetime, ended: datetime | None = None, who: str = ""
    ) -> None:
        in_cart = self._in_cart.items()
        total = sum((self._charged(article) * quantity for article, quantity in in_cart), start=Decimal(0))
        self._expect(what, action, "order", self.order_number, began=began, ended=ended, who=who, amount=total)

    def _charged(self, article: str) -> Decimal:
        """The price of one copy, less what a coupon takes off."""
        return (self._prices[article] * (100 - self._percent) / 100).quantize(Decimal("0.01"), ROUND_HALF_UP)

    def _expect(
        self,
        what: str,
        action: str,
        kind: str,
        reference: str,
        *,
        began: datetime,
        ended: datetime | None = None,
        who: str = "",
        by_browser: bool = False,
        **more: Any,
    ) -> None:
        # A browser knows its session and nobody's name: what it sends is the session's owner's.
        owner = self._owner if by_browser else None
        expected = Expected(
            action=action,
            customer=owner.customer if owner else self.customer,
            session=self._browser.session,
            kind=kind,
            reference=reference,
            earliest=began,
            latest=ended or datetime.now(UTC),
            known=self._known,
            contested=self._owner is not None and not by_browser,
            by_browser=by_browser,
            **more,
        )
        self._story.tell_event(who or self.customer.first_name, what, expected)


class Counter:
    """Somebody behind the counter, with a browser and a Hellotext session of their own."""

    def __init__(self, browser: Browser, *, story: Story, shop: ShopSide) -> None:
        self._browser = browser
        self._story = story
        self._shop = shop

    @property
    def session(self) -> str:
        """The session that must never show up in a customer's events."""
        return self._browser.session

    def log_in(self) -> None:
        """Look at the shop, so that Hellotext.js gives this browser a session, and log in to the admin."""
        self._browser.go("/")
        self._browser.allow_cookies()
        self._browser.go(ADMIN_LOGIN)
        self._browser.send(ADMIN_LOGIN, username=STAFF_NAME, password=STAFF_PASSWORD)
        self._story.tell("Staff", "log in to the admin, in a browser of their own")

    def move(self, shopper: Shopper, status: str) -> None:
        """Change the status of the order in the admin's own form."""
        self._browser.go(f"/admin/bookshop/order/{self._shop.order_id(shopper.order_number)}/change/")
        began = datetime.now(UTC)
        page = self._browser.send("", status=status)
        if "was changed successfully" not in page.text:
            raise PageError(f"The admin did not move {shopper.order_number} to {status}.")
        shopper.moved(status, began=began)

    def refund(self, shopper: Shopper, amount: Decimal, *, reason: str) -> None:
        """Write a refund down in the admin, and then that it was paid."""
        began = datetime.now(UTC)
        self._browser.go("/admin/bookshop/refund/add/")
        order = str(self._shop.order_id(shopper.order_number))
        page = self._browser.send("", order=order, amount=str(amount), reason=reason, status="requested")
        if "was added successfully" not in page.text:
            raise PageError(f"The admin did not write down a refund for {shopper.order_number}.")
        number, pk = self._shop.refund_of(shopper.order_number)
        shopper.refunded(number, amount, "refund.requested", began=began)
        began = datetime.now(UTC)
        self._browser.go(f"/admin/bookshop/refund/{pk}/change/")
        self._browser.send("", status="paid")
        shopper.refunded(number, amount, "refund.received", began=began)


def pay(shop_url: str, shopper: Shopper) -> None:
    """Report a payment as the provider's server does: signed, and without any cookie."""
    began = datetime.now(UTC)
    body = payments.Notification(shopper.order_number, f"pay_{secrets.token_hex(8)}", paid_at=began).body()
    answer = session_for(shop_url).post(
        f"{shop_url}/payments/webhook/",
        data=body,
        headers={"Content-Type": "application/json", payments.SIGNATURE_HEADER: payments.signature_of(body)},
        timeout=TIMEOUT_SECONDS,
    )
    answer.raise_for_status()
    if answer.cookies:
        raise PageError("The webhook answered with a cookie.")
    shopper.paid(began=began, ended=began)


def travel(
    story: Story,
    *,
    shop_url: str,
    script: HellotextJs,
    shop: ShopSide,
    hellotext: HellotextSide,
    pause: Callable[[], None],
) -> list[str]:
    """Play the whole journey into ``story``; answers the sessions that must never arrive.

    ``pause`` is called where people take their time: it waits until what happened so far has arrived.
    """
    mark = secrets.token_hex(4)

    def shopper(first_name: str, last_name: str, *, session: str = "") -> Shopper:
        customer = Customer(first_name, last_name, f"{first_name.lower()}.{mark}@example.com")
        return Shopper(customer, Browser(shop_url, script), story=story, shop=shop, session=session)

    ada = shopper("Ada", "Lindqvist", session=str(uuid.uuid4()))
    ada.arrive()
    ada.look_at("moby-dick")
    ada.add("moby-dick", quantity=1)
    ada.look_at("the-secret-garden")
    ada.add("the-secret-garden", quantity=2)
    ada.take_out("moby-dick")
    pause()
    ada.register(favourite="Sea stories", joins_book_club=True)
    ada.check_out(coupon="READMORE")
    pay(shop_url, ada)

    noah = shopper("Noah", "Okafor")
    noah.arrive()
    noah.look_at("the-time-machine")
    noah.add("the-time-machine", quantity=1)
    noah.look_at("moby-dick")
    noah.add("moby-dick", quantity=1, edition="Paperback")
    pause()
    noah.check_out()
    pay(shop_url, noah)

    staff = Counter(Browser(shop_url, script), story=story, shop=shop)
    staff.log_in()
    staff.move(ada, "shipped")
    ada.sees("Your books are on their way.")
    staff.move(ada, "delivered")
    ada.sees("Enjoy your books, Ada.")
    staff.refund(ada, Decimal("5.00"), reason="A corner was bent")

    ada.gets_the_app()
    ada.answers_the_survey("Something about lighthouses, please.")
    ada.log_out()
    mira = shopper("Mira", "Castellano")
    mira.sits_down_at_the_browser_of(ada)
    mira.register()
    mira.look_at("dracula")
    mira.add("dracula", quantity=1)
    pause()
    mira.check_out()
    pay(shop_url, mira)

    lena = shopper("Lena", "Fischer")
    lena.arrive()
    lena.register()
    lena.follows_the_link_of(ada)
    lena.look_at("walden")
    lena.add("walden", quantity=1)
    pause()
    ada.is_in_the_book_club_and_likes("Sea stories", hellotext=hellotext)
    lena.leaves_the_cart()
    ida = shopper("Ida", "Moreau", session=str(uuid.uuid4()))
    unseen = ida.comes_and_refuses_cookies("frankenstein")
    for other in (mira, lena):
        if other.customer.email not in shop.conflicts():
            raise PageError(f"The shop does not show that {other.customer.first_name} has the session of Ada.")
    return [staff.session, unseen]
