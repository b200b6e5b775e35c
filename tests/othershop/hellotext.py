"""The adapters of the second shop: methods, callables and declared dependencies instead of plain paths."""

from __future__ import annotations

from django_hellotext import adapters

from .models import Articulo, Cliente, Pedido


@adapters.register(Cliente)
class ClienteAdapter(adapters.ProfileAdapter):
    first_name = "nombre"
    email = "correo"
    watches = ("nombre", "correo")


@adapters.register(Articulo)
class ArticuloAdapter(adapters.ProductAdapter):
    reference = "codigo"
    sku = "codigo"
    name = "nombre"
    price = adapters.Money("precio", currency="moneda")
    url = None
    watches = ("borrado_en", "familia", "familia_id")
    depends_on = {"tienda.Familia": lambda familia: Articulo.todos.filter(familia=familia)}

    def get_categories(self, articulo):
        return [articulo.familia.nombre] if articulo.familia else []

    def queryset(self, queryset):
        return super().queryset(queryset).select_related("familia")

    def should_sync(self, articulo):
        return articulo.borrado_en is None


@adapters.register(Pedido)
class PedidoAdapter(adapters.OrderAdapter):
    reference = "pk"
    profile = "cliente"
    currency = "moneda"
    delivery = adapters.Value("collect")
    items = adapters.Items(
        "lineas", product="articulo", quantity="cantidad", price=adapters.Money("precio", currency="pedido.moneda")
    )
    events = adapters.OnChange("estado", {"hecho": "order.placed", "pagado": "order.confirmed"})

    def get_total(self, pedido):
        return sum(linea.precio * linea.cantidad for linea in pedido.lineas.all())
