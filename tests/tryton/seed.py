"""Fills an empty Tryton database with a small retailer: `seed.py CONFIG DATABASE`.

A company that sells in euro, a chart of accounts for 2026, two rates of tax, two stores with stock and a till each, 120
articles with an EAN, articles for what is no goods, ways to pay, and two keys for its REST interface: of the user `aisle`,
which reads, and posts sales with a password, and of the administrator, which tests change things with. Prints one line of
JSON: the keys, the password, and the ids that a connection's file names.
"""

import datetime
import json
import secrets
import sys
from decimal import Decimal

from proteus import Model, config as proteus_config
from trytond.modules.account.tests.tools import create_chart, create_fiscalyear, create_tax, get_accounts
from trytond.modules.account_invoice.tests.tools import set_fiscalyear_invoice_sequences
from trytond.modules.company.tests.tools import create_company, get_company
from trytond.modules.currency.tests.tools import get_currency

ARTICLES = 120
PASSWORD = secrets.token_urlsafe(24)
PIECE = 50  # more nested records in one call end in a RecursionError on SQLite

config = proteus_config.set_trytond(sys.argv[2], user='admin', config_file=sys.argv[1])


def ean(number):
    digits = f'400000{number:06d}'
    odd, even = sum(map(int, digits[::2])), sum(map(int, digits[1::2]))
    return digits + str(-(odd + 3 * even) % 10)


def company():
    create_company(currency=get_currency('EUR'))
    mine = get_company()
    config._context = Model.get('res.user').get_preferences(True, {})
    create_chart(mine)
    year = set_fiscalyear_invoice_sequences(create_fiscalyear(mine, datetime.date(2026, 7, 1)))
    year.click('create_period')
    return mine


def categories():
    made = {}
    accounts = get_accounts()
    Category = Model.get('product.category')
    for name, rate in (('Food', '0.07'), ('Other goods', '0.19')):
        tax = create_tax(Decimal(rate))
        tax.save()
        category = Category(name=name, accounting=True)
        category.account_revenue, category.account_expense = accounts['revenue'], accounts['expense']
        category.customer_taxes.append(tax)
        category.save()
        made[name] = (category.id, Decimal(rate), tax.id)
    return made


def articles(made):
    Unit = Model.get('product.uom')
    piece, = Unit.find([('name', '=', 'Unit')])
    kilogram, = Unit.find([('name', '=', 'Kilogram')])
    kilogram.digits, kilogram.rounding = 3, 0.001
    kilogram.save()
    values = []
    for number in range(1, ARTICLES + 1):
        category, rate, _ = made['Food' if number % 3 else 'Other goods']
        gross = Decimal(50 + number * 7) / 100
        unit = kilogram if number % 40 == 0 else piece
        values.append({
            'name': f'Article {number:05d}', 'type': 'goods', 'default_uom': unit.id, 'salable': True,
            'sale_uom': unit.id, 'list_price': (gross / (1 + rate)).quantize(Decimal('0.0001')),
            'gross_price': gross, 'account_category': category,
            'products': [('create', [{
                'suffix_code': f'A{number:05d}',
                'identifiers': [('create', [{'type': 'ean', 'code': ean(number)}])],
            }])],
        })
    Template = Model.get('product.template')
    for begin in range(0, len(values), PIECE):
        Template._proxy.create(values[begin:begin + PIECE], config.context)
    return Model.get('product.product').find([], order=[('id', 'ASC')])


def stores():
    Location = Model.get('stock.location')
    first, = Location.find([('type', '=', 'warehouse')])
    first.name, first.code = 'Bonn, Hauptstraße', 'S1'
    first.save()
    parts = {}
    for kind, name in (('storage', 'Storage 2'), ('storage', 'Input 2'), ('storage', 'Output 2')):
        parts[name] = Location(name=name, type=kind)
        parts[name].save()
    lost, = Location.find([('type', '=', 'lost_found')], limit=1)
    second = Location(name='Bonn, Markt', code='S2', type='warehouse')
    second.input_location, second.output_location = parts['Input 2'], parts['Output 2']
    second.storage_location, second.lost_found_location = parts['Storage 2'], lost
    second.save()
    return [first, second]


def stock(store, goods, first_amount):
    Inventory = Model.get('stock.inventory')
    lines = [('create', [
        {'product': product.id, 'quantity': float(first_amount + place % 30)} for place, product in enumerate(goods)
    ])]
    made = Inventory._proxy.create([{
        'location': store.storage_location.id, 'company': get_company().id, 'empty_quantity': 'keep', 'lines': lines,
    }], config.context)
    Inventory._proxy.confirm(made, config.context)


def services(made):
    """Articles for what is no goods, one for each rate of tax: DEPOSIT-7, DELIVERY-19 and so on."""
    piece, = Model.get('product.uom').find([('name', '=', 'Unit')])
    values = [{
        'name': f'{name.capitalize()} at {int(rate * 100)} %', 'type': 'service', 'default_uom': piece.id,
        'salable': True, 'sale_uom': piece.id, 'list_price': Decimal(0), 'gross_price': Decimal(0),
        'account_category': category,
        'products': [('create', [{'suffix_code': f'{name}-{int(rate * 100)}'}])],
    } for name in ('DEPOSIT', 'DELIVERY', 'FEE', 'AMOUNT') for category, rate, _ in made.values()]
    Model.get('product.template')._proxy.create(values, config.context)


def tills(warehouses):
    """A till for each store. What comes back goes to its shelf again."""
    Till, Sequence = Model.get('sale.point'), Model.get('ir.sequence.strict')
    kind, = Model.get('ir.sequence.type').find([('name', '=', 'POS')], limit=1)
    journal, = Model.get('account.journal').find([('type', '=', 'revenue')], limit=1)
    customer, = Model.get('stock.location').find([('code', '=', 'CUS')])
    made = []
    for store in warehouses:
        sequence = Sequence(name=f'POS {store.code}', company=get_company(), sequence_type=kind, prefix=f'{store.code}-')
        sequence.save()
        till = Till(name=store.name, journal=journal, sequence=sequence, tax_included=True)
        till.storage_location, till.return_location = store.storage_location, store.storage_location
        till.customer_location = customer
        till.save()
        made.append(till.id)
    return made


def ways_to_pay():
    """Money that goes back needs a way that counts as cash, of which there may be one: it is cleared by hand."""
    Way, cash = Model.get('sale.point.payment.method'), get_accounts()['cash']
    made = {}
    for name in ('paypal', 'klarna', 'invoice', 'voucher', 'points', 'back'):
        account, = cash.duplicate(default={'name': name.capitalize(), 'code': f'1.1.{len(made) + 2}'})
        way = Way(name=name.capitalize(), account=account, cash=name == 'back')
        way.save()
        made[name] = way.id
    return made


def keys():
    User, Group = Model.get('res.user'), Model.get('res.group')
    Application = Model.get('res.user.application')
    reader = User(name='Aisle', login='aisle', password=PASSWORD)
    for group in Group.find([('name', 'not in', ['Administration', 'Scheduled Actions'])]):
        reader.groups.append(group)
    reader.companies.append(get_company())
    reader.company = get_company()
    reader.save()
    admin, = User.find([('login', '=', 'admin')])
    made = {}
    for user in (reader, admin):
        key = secrets.token_hex(64)
        application = Application(application='rest', user=user, key=key, state='validated')
        application.save()
        made[user.login] = application.key
    return made


mine = company()
made = categories()
goods = articles(made)
warehouses = stores()
services(made)
for place, store in enumerate(warehouses):
    stock(store, goods, 5 + 20 * place)
print(json.dumps({
    'keys': keys(),
    'password': PASSWORD,
    'company': mine.id,
    'tills': tills(warehouses),
    'ways_to_pay': ways_to_pay(),
    'storage': [store.storage_location.id for store in warehouses],
    'lost_found': warehouses[0].lost_found_location.id,
    'taxes': {name: tax for name, (_, _, tax) in made.items()},
    'categories': {name: category for name, (category, _, _) in made.items()},
    'articles': len(goods),
}))
