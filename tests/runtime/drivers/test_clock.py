"""The clocks: time on the wall never goes back, and never stands still for long."""

from runtime.drivers.clock import Clock

HOUR_MS = 3_600_000


class Machine:
    """A machine whose two clocks a test sets."""

    def __init__(self) -> None:
        self.wall_ms = 1_700_000_000_000
        self.mono_ms = 50_000

    def clock(self) -> Clock:
        """Both clocks as a process sees them."""
        return Clock(lambda: self.wall_ms * 1_000_000, lambda: self.mono_ms * 1_000_000)

    def waits(self, ms: int) -> None:
        """So much time passes."""
        self.wall_ms += ms
        self.mono_ms += ms


def test_the_time_is_the_machines() -> None:
    """As long as nobody sets the clock, both tell what the machine tells, in whole milliseconds."""
    machine = Machine()
    clock = machine.clock()
    assert (clock.wall_ms(), clock.mono_ms()) == (machine.wall_ms, machine.mono_ms)
    machine.waits(1_234)
    assert (clock.wall_ms(), clock.mono_ms()) == (machine.wall_ms, machine.mono_ms)


def test_a_clock_that_is_set_back_goes_on_from_where_it_was() -> None:
    """Time neither goes back nor stands still until the machine has caught up: it passes as the monotonic one does."""
    machine = Machine()
    clock = machine.clock()
    before_ms = clock.wall_ms()
    machine.wall_ms -= HOUR_MS
    assert clock.wall_ms() == before_ms
    for waited_ms in range(1_000, 5_000, 1_000):
        machine.waits(1_000)
        assert clock.wall_ms() == before_ms + waited_ms


def test_a_clock_that_is_set_forward_is_followed_at_once() -> None:
    """Noon on the machine is noon here; time that was missed is not caught up slowly."""
    machine = Machine()
    clock = machine.clock()
    clock.wall_ms()
    machine.wall_ms += HOUR_MS
    assert clock.wall_ms() == machine.wall_ms


def test_the_machine_counts_again_once_it_has_caught_up() -> None:
    """A lead is kept and not added to: where the machine's time is later again, it is the time."""
    machine = Machine()
    clock = machine.clock()
    clock.is_past(machine.wall_ms + HOUR_MS)
    machine.waits(HOUR_MS // 2)
    machine.wall_ms += HOUR_MS + 1
    assert clock.wall_ms() == machine.wall_ms


def test_what_somebody_wrote_down_is_past() -> None:
    """In a process whose machine is behind what its predecessor wrote, time goes on from there; it never goes back."""
    machine = Machine()
    clock = machine.clock()
    ahead_ms = machine.wall_ms + HOUR_MS
    clock.is_past(ahead_ms)
    clock.is_past(ahead_ms - 1_000)
    assert clock.wall_ms() == ahead_ms
    machine.waits(70)
    assert clock.wall_ms() == ahead_ms + 70


def test_a_monotonic_clock_that_jumps_back_takes_nothing_away() -> None:
    """Not even a clock that cannot go back and does makes the wall go back."""
    machine = Machine()
    clock = machine.clock()
    before_ms = clock.wall_ms()
    machine.mono_ms -= 10_000
    machine.wall_ms -= HOUR_MS
    assert clock.wall_ms() == before_ms


def test_time_passes_without_a_machine_of_ones_own() -> None:
    """The clocks of a process are there by default, and agree with themselves."""
    clock = Clock()
    wall_ms, mono_ms = clock.wall_ms(), clock.mono_ms()
    assert clock.wall_ms() >= wall_ms > 1_700_000_000_000
    assert clock.mono_ms() >= mono_ms >= 0
