"""Forms of the account pages."""
from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _


class PasswordForm(forms.Form):
    old = forms.CharField(label=_("Present password"), strip=False, widget=forms.PasswordInput)
    new = forms.CharField(label=_("New password"), strip=False, widget=forms.PasswordInput)
    again = forms.CharField(label=_("New password again"), strip=False, widget=forms.PasswordInput)

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        if data.get("new") and data.get("again") and data["new"] != data["again"]:
            self.add_error("again", gettext("The two new passwords differ."))
        return data
