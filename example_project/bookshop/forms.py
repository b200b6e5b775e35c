"""The forms of the shop: a quantity, an account, a purchase."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm, BaseUserCreationForm, UsernameField
from django.contrib.auth.models import User
from django.core.validators import RegexValidator
from django.db import transaction

from bookshop.carts import MOST_COPIES
from bookshop.models import Answer, Category, Coupon, Order, Reader

if TYPE_CHECKING:
    from django.http import HttpRequest

international_phone = RegexValidator(
    r"^\+[1-9][0-9]{6,14}$", "Please write the number with its country, such as +4930901820."
)


class QuantityForm(forms.Form):
    """How many copies of a book."""

    quantity = forms.IntegerField(min_value=0, max_value=MOST_COPIES)


class RegistrationForm(BaseUserCreationForm):  # type: ignore[type-arg]
    """A new customer; the e-mail address is the name to log in with."""

    first_name = forms.CharField(
        max_length=80, widget=forms.TextInput(attrs={"autocomplete": "given-name", "autofocus": True})
    )
    last_name = forms.CharField(max_length=80, widget=forms.TextInput(attrs={"autocomplete": "family-name"}))
    email = forms.EmailField(label="E-mail", max_length=150, widget=forms.EmailInput(attrs={"autocomplete": "email"}))

    favourite = forms.ModelChoiceField(
        Category.objects.all(),
        label="What do you like to read? (optional)",
        required=False,
        to_field_name="name",
        empty_label="A bit of everything",
    )
    book_club = forms.BooleanField(label="I join the book club, each first Thursday in the shop", required=False)

    class Meta:
        model = User
        fields = ["first_name", "last_name", "email"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["password1"].help_text = "At least eight characters, and not only digits or a common word."
        self.fields["password2"].label = "Password again"
        self.fields["password2"].help_text = ""

    def clean_email(self) -> str:
        """Return the address in small letters; refuse one that has an account already."""
        email: str = self.cleaned_data["email"].lower()
        if User.objects.filter(username=email).exists():
            raise forms.ValidationError("There is an account with this e-mail already. Please log in.")
        return email

    def save(self, commit: bool = True) -> User:
        """Make the account, with what the customer likes to read."""
        user: User = super().save(commit=False)
        user.username = user.email
        if commit:
            with transaction.atomic():
                user.save()
                Reader.objects.create(
                    user=user, favourite=self.cleaned_data["favourite"], in_book_club=self.cleaned_data["book_club"]
                )
        return user


class LoginForm(AuthenticationForm):
    """The e-mail address and the password of a customer."""

    username = UsernameField(
        label="E-mail", widget=forms.TextInput(attrs={"autocomplete": "username", "autofocus": True})
    )

    def clean_username(self) -> str:
        """Return the address in small letters, as it was registered."""
        username: str = self.cleaned_data["username"]
        return username.lower() if "@" in username else username


class AnswerForm(forms.ModelForm):  # type: ignore[type-arg]  # not subscriptable at run time
    """What a customer says to a survey."""

    class Meta:
        model = Answer
        fields = ["text"]


class CheckoutForm(forms.ModelForm):  # type: ignore[type-arg]
    """Who buys, and where the books go."""

    phone = forms.CharField(
        label="Phone (optional)",
        max_length=20,
        required=False,
        validators=[international_phone],
        widget=forms.TextInput(attrs={"autocomplete": "tel", "inputmode": "tel", "placeholder": "+49…"}),
    )

    coupon = forms.CharField(
        label="Code (optional)", max_length=20, required=False, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )

    class Meta:
        model = Order
        fields = [
            "first_name",
            "last_name",
            "email",
            "phone",
            "delivery",
            "street",
            "postcode",
            "city",
            "country",
        ]
        labels = {"email": "E-mail", "delivery": "How do the books reach you?"}
        widgets = {
            "first_name": forms.TextInput(attrs={"autocomplete": "given-name"}),
            "last_name": forms.TextInput(attrs={"autocomplete": "family-name"}),
            "email": forms.EmailInput(attrs={"autocomplete": "email"}),
            "delivery": forms.RadioSelect,
            "street": forms.TextInput(attrs={"autocomplete": "street-address"}),
            "postcode": forms.TextInput(attrs={"autocomplete": "postal-code"}),
            "city": forms.TextInput(attrs={"autocomplete": "address-level2"}),
            "country": forms.TextInput(attrs={"autocomplete": "country-name"}),
        }

    def clean_coupon(self) -> Coupon | None:
        """Return the coupon that is meant, or nothing when none is."""
        code = self.cleaned_data["coupon"].strip()
        if not code:
            return None
        coupon = Coupon.objects.filter(code=code, is_active=True).first()
        if coupon is None:
            raise forms.ValidationError("We do not know this code, or its time is over.")
        return coupon

    def clean(self) -> dict[str, Any]:
        """Ask for an address when there is something to send."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if cleaned.get("delivery") != Order.Delivery.DELIVER:
            return cleaned
        for name in ("street", "postcode", "city", "country"):
            if not cleaned.get(name) and name not in self.errors:
                self.add_error(name, "We need this to send you the books.")
        return cleaned


def checkout_form(request: HttpRequest) -> CheckoutForm:
    """Return the form of a purchase, filled in as far as the visitor is known."""
    if request.method == "POST":
        return CheckoutForm(request.POST)
    user = request.user
    coupon = request.GET.get("coupon", "")[:20]
    if not user.is_authenticated:
        return CheckoutForm(initial={"coupon": coupon})
    known = {"coupon": coupon, "first_name": user.first_name, "last_name": user.last_name, "email": user.email}
    last = Order.objects.filter(customer=user).first()
    if last is not None:
        known |= {name: getattr(last, name) for name in ("phone", "delivery", "street", "postcode", "city", "country")}
    return CheckoutForm(initial=known)
