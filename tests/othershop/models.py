"""What the second shop has. It speaks Spanish, sells in yen and dinars, and deletes nothing for good."""

from __future__ import annotations

import uuid

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models

from django_hellotext.querysets import HellotextManager


class Cliente(AbstractBaseUser):
    """A customer, who logs in with an e-mail address."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    correo = models.EmailField(unique=True)
    nombre = models.CharField(max_length=80, blank=True)

    objects = BaseUserManager()

    USERNAME_FIELD = "correo"
    EMAIL_FIELD = "correo"


class Familia(models.Model):
    """What an article belongs to."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    nombre = models.CharField(max_length=60)

    objects = HellotextManager()

    def __str__(self):
        return self.nombre


class Vivos(HellotextManager):
    """Only what is not deleted."""

    def get_queryset(self):
        return super().get_queryset().filter(borrado_en=None)


class Articulo(models.Model):
    """What is sold, in the currency of its city."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    codigo = models.CharField(max_length=20, unique=True)
    nombre = models.CharField(max_length=80)
    precio = models.DecimalField(max_digits=12, decimal_places=3)
    moneda = models.CharField(max_length=3)
    familia = models.ForeignKey(Familia, null=True, on_delete=models.SET_NULL, related_name="articulos")
    visitas = models.PositiveIntegerField(default=0)
    borrado_en = models.DateTimeField(null=True)

    objects = Vivos()
    todos = HellotextManager()

    def __str__(self):
        return self.codigo


class Pedido(models.Model):
    """An order."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    cliente = models.ForeignKey(Cliente, on_delete=models.PROTECT)
    estado = models.CharField(max_length=12, default="abierto")
    moneda = models.CharField(max_length=3)

    objects = HellotextManager()

    def __str__(self):
        return str(self.id)


class Linea(models.Model):
    """One article of an order."""

    pedido = models.ForeignKey(Pedido, on_delete=models.CASCADE, related_name="lineas")
    articulo = models.ForeignKey(Articulo, on_delete=models.PROTECT)
    cantidad = models.PositiveIntegerField(default=1)
    precio = models.DecimalField(max_digits=12, decimal_places=3)

    objects = HellotextManager()

    def __str__(self):
        return f"{self.cantidad} x {self.articulo_id}"
