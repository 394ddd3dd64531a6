"""A world for the runtime to live in: people, mock systems, faults and auditors, in virtual time."""

import zoneinfo

# Zone rules reach digests, so they come from the pinned tzdata package and never from the machine.
zoneinfo.reset_tzpath(to=())
