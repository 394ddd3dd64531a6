"""The approved time of one legal entity, on its way into the ERP: a pure state machine.

    decide(state, inputs, now_ms) -> records      what we make of the news; changes nothing
    apply(state, record)                          the only thing that changes state, live and in recovery alike
    due(state, permits, now_ms) -> effects        what should be done next, as far as the account permits
    next_due_ms(state)                            when to look again: one timer per partition

`moves.py` says what may follow what; `steps.py` what an entry needs next; `state.py` what is remembered; `answered.py`
decides on word of our own calls, and `aside.py` says what is parked or asked about first.

Rule 1. No clock, network, disk, logging or chance in here. Time comes in as `now_ms`.
Rule 2. `decide` makes records and changes nothing; `apply` changes state and decides nothing.
Rule 3. Doubt is settled by asking, and only after `late_landing_ms`, when a call we gave up on can no longer arrive.
Rule 4. One effect in flight per entry; a sent version finishes before another version of the entry moves.
Rule 5. Recovery is the normal path: the same records, the same `apply`, and every call on the wire is silent.
"""

from runtime.core.partition.apply import apply
from runtime.core.partition.decide import decide
from runtime.core.partition.due import Permits, due, look_again_ms, next_due_ms, wanted
from runtime.core.partition.state import State, Tracked

__all__ = ["Permits", "State", "Tracked", "apply", "decide", "due", "look_again_ms", "next_due_ms", "wanted"]
