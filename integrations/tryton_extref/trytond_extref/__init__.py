# This file is part of trytond-extref. Copyright: the authors of Springtide. Licence: GPL-3.0-or-later, see LICENSE.
"""A Tryton module for whoever feeds Tryton from outside: references that are unique, and time that can be reversed."""
