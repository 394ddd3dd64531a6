"""Approved time from the PSA into the ERP: listens, prices, posts, tells the PSA. Retries, of course."""

import json
import os
import queue
import threading
import time
import urllib.request
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

ERP, PSA = os.environ["SPRINGTIDE_ERP_URL"], os.environ["SPRINGTIDE_PSA_URL"]
SAME = ("entry_id", "version", "project", "worker", "work_date", "quantity", "unit")
RATES = {}
WORK = queue.Queue()


def call(url, body):
    """POST, and try again when there is a glitch, so that nothing is lost."""
    for _ in range(10):
        for row in body.get("rows", []):
            row["key"] = str(uuid.uuid4())
        request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                return json.load(answer)
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"gave up on {url}")


def post(entry, seq):
    """Price an entry, post it, and tell the PSA."""
    hours, who = float(entry["quantity"]), f"{entry['home_entity']}|{entry['role']}"
    row = {name: entry[name] for name in SAME} | {"leg": "post", "accounting_date": entry["work_date"]}
    for kind in ("bill", "cost"):
        rate, row[f"{kind}_currency"] = RATES[kind, who]
        row[f"{kind}_minor"] = round(hours * rate * 100)
    call(f"{ERP}/ledger/{entry['home_entity']}/batches", {"rows": [row]})
    status = {"entry_id": entry["entry_id"], "version": entry["version"], "status": "posted", "detail": "", "seq": seq}
    call(f"{PSA}/status", {"statuses": [status]})


def work():
    """Post what came in, one after the other."""
    for seq in range(1, 1_000_000):
        entry = WORK.get()
        try:
            post(entry, seq)
        except Exception as error:
            print("could not post", entry["entry_id"], error)


class Hook(BaseHTTPRequestHandler):
    """The webhook: prices are kept, approved time is queued."""

    def do_POST(self):
        event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if event["type"] == "rates.published":
            RATES.update(
                {(one["kind"], one["scope_key"]): (float(one["rate"]), one["currency"]) for one in event["lines"]}
            )
        if event["type"] == "time_entry.approved":
            WORK.put(event["entry"])
        self.send_response(200)
        self.end_headers()


if __name__ == "__main__":
    threading.Thread(target=work, daemon=True).start()
    where = urlsplit(os.environ["SPRINGTIDE_WEBHOOK_URL"])
    ThreadingHTTPServer((where.hostname, where.port), Hook).serve_forever()
