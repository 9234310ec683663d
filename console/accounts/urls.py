"""Pages of this app."""
from __future__ import annotations

from django.urls import path

from console.accounts import views

app_name = "accounts"
urlpatterns = [
    path("", views.root, name="root"),
    path("sign-in/", views.sign_in, name="sign_in"),
    path("sign-out/", views.sign_out, name="sign_out"),
    path("password/", views.password, name="password"),
]
