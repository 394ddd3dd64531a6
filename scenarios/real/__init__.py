"""Systems that nobody here wrote, on loopback: installed in environments of their own, filled, used, and ended.

environment   venvs and what is built once, below out/real/
tryton        a Tryton server before PostgreSQL, with two modes; killed and started again at will
tryton_client JSON-RPC, for whoever sets up and checks; the runtime has its own connector
tryton_seed   legal entities, books, people and projects, and the crosswalk to them
billing       invoices from hours up to a cut-off, posted and read back: a person's work, not the runtime's
"""
